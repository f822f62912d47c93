"""Reports of gates, as plain data, for those who print them and draw conclusions."""

from __future__ import annotations

from typing import Any

from lemnos.domains.quality.model import Finding, GateReport, GateResult, Verdict
from lemnos.domains.quality.plain import plain_report


def gate(name: str, verdict: Verdict, *findings: Finding, **more: Any) -> GateResult:
    """One gate."""
    more = {"message": f"{name} said so.", "duration_seconds": 1.5, **more}
    return GateResult(name, verdict, findings=findings, **more)


def report(*results: GateResult) -> dict[str, Any]:
    """All of them."""
    return plain_report(GateReport(results, duration_seconds=2.0))
