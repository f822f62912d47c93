"""A gate out of what its checkers say: the worst verdict, all findings, the metadata by tool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lemnos.domains.quality.baseline import OMITTED
from lemnos.domains.quality.fingerprint import SourceLines, fingerprinted
from lemnos.domains.quality.model import Finding, GateResult, Verdict
from lemnos.runners.gates.verdicts import Heard

# The worst first. Findings tell more than a tool that could not be asked, so they come first.
_WORST = (
    Verdict.FAILED,
    Verdict.TIMED_OUT,
    Verdict.CRASHED,
    Verdict.MISCONFIGURED,
    Verdict.MISSING_TOOL,
    Verdict.UNKNOWN,
    Verdict.CANCELLED,
    Verdict.NOT_RUN,
    Verdict.PASSED,
    Verdict.NOT_APPLICABLE,
)
_MOST_FINDINGS = 10_000
_LONGEST = 2_000  # characters of a finding's message


def merged(gate: str, heard: Sequence[Heard], root: Path, *, optional: bool = False) -> GateResult:
    """The result of a gate. Blocks, to read the lines that findings are about.

    Those to whom the project holds nothing are left out where another one has something to say.
    """
    applying = [one for one in heard if one.said.verdict is not Verdict.NOT_APPLICABLE]
    told = applying or list(heard[:1])
    if not told:
        message = "The project has nothing that this gate judges."
        return GateResult(gate, Verdict.NOT_APPLICABLE, message, optional=optional)
    said = [one.said for one in told]
    findings = [finding for one in said for finding in one.findings]
    metadata = _metadata(told)
    if (omitted := len(findings) - _MOST_FINDINGS) > 0:
        metadata[OMITTED] = metadata.get(OMITTED, 0) + omitted
    return GateResult(
        gate,
        min((one.verdict for one in said), key=_WORST.index),
        " ".join(one.message for one in said if one.message),
        duration_seconds=sum(0.0 if one.cached else one.seconds for one in told),
        tool=", ".join(one.tool for one in told),
        version=", ".join(one.version for one in told if one.version),
        command=next((one.command for one in told if one.command), ()),
        findings=_readable(findings[:_MOST_FINDINGS], root),
        metadata=metadata,
        output="\n".join(one.output for one in told if one.output),
        cached=all(one.cached for one in told),
        optional=optional,
    )


def _metadata(told: Sequence[Heard]) -> dict[str, Any]:
    """What one tool knows as it is; what several know by tool, with all counts added up."""
    if len(told) == 1:
        return dict(told[0].said.metadata)
    sums = dict[str, Any]()
    for one in told:
        for name, value in one.said.metadata.items():
            if type(value) is int:
                sums[name] = sums.get(name, 0) + value
    return {
        **sums,
        "tools": {
            one.tool: {
                "verdict": one.said.verdict.value,
                "version": one.version,
                "command": list(one.command),
                **one.said.metadata,
            }
            for one in told
        },
    }


def _readable(findings: Sequence[Finding], root: Path) -> tuple[Finding, ...]:
    """Messages of a length for people, and a fingerprint for each."""
    return fingerprinted(map(_cut, findings), SourceLines(root))


def _cut(finding: Finding) -> Finding:
    text = finding.message
    return finding if len(text) <= _LONGEST else replace(finding, message=f"{text[:_LONGEST]}…")
