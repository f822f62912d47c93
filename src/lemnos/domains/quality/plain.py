"""A report of gates as plain data, in the words of the Hephaestus document.

The API answers with it, operations keep it, the CLI prints it: one shape everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from lemnos.domains.quality.model import Finding, GateReport, GateResult

# The base of all paths in findings, by the name that tools which read SARIF know.
SOURCE_ROOT = "%SRCROOT%"


def plain_report(report: GateReport) -> dict[str, Any]:
    """``{success, gates: […], duration}``; seconds."""
    return {
        "success": report.success,
        "gates": [plain_gate(result) for result in report.results],
        "duration": round(report.duration_seconds, 3),
    }


def plain_gate(result: GateResult) -> dict[str, Any]:
    """``{name, passed, message, duration, metadata}``; findings are results of SARIF 2.1.0."""
    metadata: dict[str, Any] = {
        "verdict": result.verdict.value,
        "optional": result.optional,
        "cached": result.cached,
        "tool": result.tool,
        "version": result.version,
        "command": list(result.command),
        "new_findings": sum(not finding.known for finding in result.findings),
        "known_findings": sum(finding.known for finding in result.findings),
        "findings": [sarif_result(finding) for finding in result.findings],
        **result.metadata,
    }
    if result.output:
        metadata["output"] = result.output
    return {
        "name": result.gate,
        "passed": result.passed,
        "message": result.message,
        "duration": round(result.duration_seconds, 3),
        "metadata": metadata,
    }


def sarif_result(finding: Finding) -> dict[str, Any]:
    """A finding as a ``result`` object (SARIF 2.1.0, section 3.27)."""
    made: dict[str, Any] = {
        "ruleId": finding.rule,
        "level": finding.level.value,
        "message": {"text": finding.message},
        "partialFingerprints": {"lemnos/v1": finding.fingerprint},
        "baselineState": "unchanged" if finding.known else "new",
    }
    if finding.path:
        physical: dict[str, Any] = {
            "artifactLocation": {"uri": quote(finding.path), "uriBaseId": SOURCE_ROOT}
        }
        region = {
            name: value
            for name, value in (
                ("startLine", finding.line),
                ("startColumn", finding.column),
                ("endLine", finding.end_line),
                ("endColumn", finding.end_column),
            )
            if value is not None
        }
        if finding.line is not None:
            physical["region"] = region
        made["locations"] = [{"physicalLocation": physical}]
    return made


def place_of(result: Mapping[str, Any]) -> tuple[str, int | None]:
    """Path and line of a ``result`` as :func:`sarif_result` makes it; ``""`` for no file."""
    for location in result.get("locations", ()):
        physical = location["physicalLocation"]
        path = unquote(physical["artifactLocation"]["uri"])
        return path, physical.get("region", {}).get("startLine")
    return "", None
