"""A report of gates as JUnit XML, which every CI server shows: one suite for each gate."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from junitparser.junitparser import FinalResult

from lemnos.domains.quality.model import GateReport, Verdict
from lemnos.domains.quality.plain import place_of, plain_report

_RESULTS: Mapping[str, type[FinalResult]] = {
    Verdict.FAILED: Failure,
    Verdict.NOT_APPLICABLE: Skipped,
    Verdict.NOT_RUN: Skipped,
}
# What XML 1.0 can't hold, colours of a terminal among it.
_UNFIT = re.compile(r"\x1b\[[0-9;]*m|[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(report: GateReport) -> bytes:
    """The file, in UTF-8."""
    return junit_of_plain(plain_report(report))


def junit_of_plain(plain: Mapping[str, Any]) -> bytes:
    """The file of a report as ``plain_report`` has it, such as that of a finished operation.

    A gate that failed has a failure for each new finding; known ones are skipped. One that gave
    no verdict is an error, one that was not needed or is optional is skipped.
    """
    xml = JUnitXml("Lemnos guard rails")
    for gate in plain.get("gates", ()):
        xml.add_testsuite(_suite(gate))
    xml.update_statistics()  # type: ignore[no-untyped-call]
    xml.time = plain.get("duration", 0.0)
    content: bytes = xml.tostring()  # type: ignore[no-untyped-call]
    return content


def _suite(gate: Mapping[str, Any]) -> TestSuite:
    metadata = gate.get("metadata", {})
    suite = TestSuite(gate["name"])
    for name in ("verdict", "tool", "version"):
        if metadata.get(name):
            suite.add_property(name, _fit(str(metadata[name])))
    suite.add_testcases(list(_cases(gate, metadata)))
    suite.time = gate.get("duration", 0.0)
    return suite


def _cases(gate: Mapping[str, Any], metadata: Mapping[str, Any]) -> Iterator[TestCase]:
    """The gate itself, or each of its findings where these are why it failed."""
    verdict, optional = metadata.get("verdict", ""), metadata.get("optional", False)
    findings = metadata.get("findings", ())
    if verdict != Verdict.FAILED or not findings:
        result = None if verdict == Verdict.PASSED else _result(gate, verdict, optional)
        if result is not None:
            result.text = _fit(metadata.get("output") or gate.get("message", ""))
        yield _case(gate, gate["name"], gate.get("duration", 0.0), result)
        return
    for finding in findings:
        path, line = place_of(finding)
        place = f"{path}:{line}" if line else path
        name = " ".join(part for part in (finding.get("ruleId", ""), place) if part)
        yield _case(gate, name, 0.0, _of_finding(finding, place, optional))


def _case(
    gate: Mapping[str, Any], name: str, seconds: float, result: FinalResult | None
) -> TestCase:
    case = TestCase(_fit(name) or gate["name"], f"lemnos.{gate['name']}", seconds)
    if result is not None:
        case.result = [result]
    return case


def _result(gate: Mapping[str, Any], verdict: str, optional: bool) -> FinalResult:
    kind = Skipped if optional else _RESULTS.get(verdict, Error)
    return kind(_fit(_told(gate.get("message", ""), optional)), verdict)


def _of_finding(finding: Mapping[str, Any], place: str, optional: bool) -> FinalResult:
    message = finding["message"]["text"]
    if finding.get("baselineState") == "unchanged":
        return Skipped(_fit(f"known: {message}"), "known")
    result = (Skipped if optional else Failure)(_fit(_told(message, optional)), finding["level"])
    result.text = _fit(f"{place}: {message}" if place else message)
    return result


def _told(message: str, optional: bool) -> str:
    return f"optional: {message}" if optional else message


def _fit(text: str) -> str:
    return _UNFIT.sub("", text)
