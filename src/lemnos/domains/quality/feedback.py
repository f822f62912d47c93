"""What gates have found, told to those who mend it: an agent, or the readers of a pull request."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lemnos.domains.quality.model import Finding, GateReport, GateResult, Verdict
from lemnos.domains.quality.plain import place_of

_MESSAGE = 600  # characters of one finding's message
_OUTPUT = 4000  # characters of the end of a tool's output
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

_RULES = """\
Mend the code until these gates pass. The checks are not yours to weaken:
- Leave the configuration of the tools as it is: no rule switched off, no threshold lowered, no \
file excluded.
- Add no marker that silences a tool (noqa, type: ignore, eslint-disable, @ts-ignore, pragma: no \
cover).
- Delete, skip or loosen no test. Change one only where your task changes what it demands.
- Leave lemnos.toml and the baseline of known findings alone.
If a check itself is wrong, say so and why, and leave it failing."""


def feedback(report: GateReport, *, limit: int = 50) -> str:
    """What an agent needs to mend what blocks: gates, tools, commands, findings by file.

    ``limit`` bounds the findings told, over all gates; the rest is counted. Known findings are
    left out. Empty where nothing blocks.
    """
    blocking = report.blocking
    if not blocking:
        return ""
    names = ", ".join(result.gate for result in blocking)
    parts = [f"The quality gates do not let your change through: {names}."]
    left = limit
    for result in blocking:
        new = [finding for finding in result.findings if not finding.known]
        parts.append("\n".join(_gate(result, new, left)))
        left -= min(left, len(new))
    return "\n\n".join([*parts, _RULES]) + "\n"


def _gate(result: GateResult, new: list[Finding], limit: int) -> Iterator[str]:
    tool = " ".join(part for part in (result.tool, result.version) if part)
    yield f"## {result.gate}: {_words(result.verdict)}{f' ({tool})' if tool else ''}"
    yield _plain(result.message)
    if result.command:
        yield f"To repeat it: {shlex.join(result.command)}"
    shown, rest = new[:limit], new[limit:]
    yield from _by_file(shown)
    if rest:
        files = Counter(finding.path or "(no file)" for finding in rest)
        told = ", ".join(f"{path} ({count})" for path, count in files.most_common(10))
        more = f" and {len(files) - 10} more files" if len(files) > 10 else ""
        yield f"{len(rest)} more findings: {told}{more}"
    if result.output and (not new or result.gate == "tests"):
        yield "The end of its output:"
        yield from (f"    {line}" for line in _end(result.output, _OUTPUT).splitlines())


def _by_file(findings: Iterable[Finding]) -> Iterator[str]:
    files = dict[str, list[Finding]]()
    for finding in findings:
        files.setdefault(finding.path, []).append(finding)
    for path, listed in files.items():
        yield path or "(no file)"
        for finding in listed:
            yield f"  {_finding(finding)}"


def _finding(finding: Finding) -> str:
    place = ":".join(str(part) for part in (finding.line, finding.column) if part is not None)
    message = _cut(_plain(finding.message), _MESSAGE).replace("\n", "\n      ")
    fixable = " (its tool can fix it)" if finding.fixable else ""
    return " ".join(part for part in (place, finding.rule, message) if part) + fixable


# --- pull requests ------------------------------------------------------------------------------

_ROWS = 40
_CELL = 160  # characters of text from tools in one cell or line
_BAR = re.compile(r"\\*\|")  # a backslash in front of an escaped bar would set it free again
_ESCAPED_BAR = r"\\|"
_MARKS = {Verdict.PASSED: "✅", Verdict.NOT_APPLICABLE: "⚪", Verdict.NOT_RUN: "⚪"}


def summary(plain: Mapping[str, Any], *, limit: int = 20) -> str:
    """Markdown for a pull request, from what ``plain_report`` makes: a table, the new findings.

    What tools say stands in code spans, so that nothing in it is markup, mentions a person or
    refers to an issue. ``limit`` bounds the findings told.
    """
    gates = plain.get("gates", ())
    verdict = "passed" if plain.get("success") else "failed"
    lines = [f"**Quality gates: {verdict}** in {plain.get('duration', 0.0):.1f} s", ""]
    lines += ["| Gate | Verdict | New | Known | Time | |", "|---|---|--:|--:|--:|---|"]
    lines += [_row(gate) for gate in gates[:_ROWS]]
    if len(gates) > _ROWS:
        lines.append(f"\nand {len(gates) - _ROWS} more gates")
    found = [
        (gate["name"], finding)
        for gate in gates
        for finding in gate.get("metadata", {}).get("findings", ())
        if finding.get("baselineState") != "unchanged"
    ]
    if found and limit > 0:
        lines += ["", "<details><summary>New findings</summary>", ""]
        lines += [_item(gate, finding) for gate, finding in found[:limit]]
        if len(found) > limit:
            lines.append(f"- and {len(found) - limit} more")
        lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def _row(gate: Mapping[str, Any]) -> str:
    metadata = gate.get("metadata", {})
    verdict = str(metadata.get("verdict", "passed" if gate["passed"] else "failed"))
    mark = next((mark for known, mark in _MARKS.items() if known == verdict), "❌")
    optional = " (optional)" if metadata.get("optional") else ""
    cells = (
        code_span(gate["name"], table=True),
        f"{mark} {_words(verdict)}{optional}",
        str(metadata.get("new_findings", 0)),
        str(metadata.get("known_findings", 0)),
        f"{gate.get('duration', 0.0):.1f} s",
        code_span(gate.get("message", ""), table=True),
    )
    return f"| {' | '.join(cells)} |"


def _item(gate: str, finding: Mapping[str, Any]) -> str:
    path, line = place_of(finding)
    place = f"{path}:{line}" if line else path
    parts = (gate, place, finding.get("ruleId", ""), finding["message"]["text"])
    return "- " + " ".join(code_span(part) for part in parts if part)


def code_span(text: str, *, table: bool = False) -> str:
    """A code span, in which Markdown has no markup but the backtick (and the bar, in a table)."""
    flat = _cut(" ".join(_plain(text).split()), _CELL).replace("`", "'")
    return f"`{_BAR.sub(_ESCAPED_BAR, flat) if table else flat}`" if flat else ""


def _words(verdict: str) -> str:
    return str(verdict).replace("_", " ")


def _plain(text: str) -> str:
    return _COLOURS.sub("", text).strip()


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _end(text: str, most: int) -> str:
    flat = _plain(text)
    return flat if len(flat) <= most else f"…{flat[-most + 1 :]}"
