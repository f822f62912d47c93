"""What test runners of JavaScript report: Jest's JSON, which Vitest writes too, Mocha's, JUnit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lemnos.domains.quality.fingerprint import fingerprint
from lemnos.domains.quality.model import Finding, Verdict
from lemnos.runners.coverage.formats import BROKEN, read_json
from lemnos.runners.gates.answers import objects, positive, relative
from lemnos.runners.gates.plugin import Said

_MESSAGE = 2000  # characters of a failure
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(slots=True)
class Results:
    """One run of tests, as it is read."""

    passed: int = 0
    skipped: int = 0
    failures: list[Finding] = field(default_factory=list)
    coverage: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def said(self) -> Said:
        """The verdict. No tests at all are nothing to judge."""
        failed = len(self.failures)
        counts = {"passed": self.passed, "failed": failed, "skipped": self.skipped}
        told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        if not told:
            return Said(Verdict.NOT_APPLICABLE, "There are no tests.")
        verdict = Verdict.FAILED if failed else Verdict.PASSED
        return Said(verdict, f"{told}.", tuple(self.failures), counts, self.coverage)


def failed_test(name: str, message: str, path: str = "", line: int | None = None) -> Finding:
    """A failed test. Its name identifies it: what it says differs from run to run."""
    text = _COLOURS.sub("", message).strip()[:_MESSAGE] or "It failed."
    return Finding(name, text, path=path, line=line, fingerprint=fingerprint("test", path, name))


def read_jest(root: Path, report: Any) -> Results:
    """https://jestjs.io/docs/configuration#testresultsprocessor-string

    Raises ``ValueError`` for what is no such report.
    """
    if not isinstance(report, dict) or not isinstance(report.get("testResults"), list):
        raise ValueError("its report has no testResults")
    results = Results(coverage=istanbul_coverage(root, report.get("coverageMap")))
    for file in objects(report["testResults"]):
        path = relative(root, str(file.get("name", "")))
        tests = objects(file.get("assertionResults"))
        for test in tests:
            _jest_test(results, root, path, test)
        broken = file.get("status") == "failed"
        if broken and not any(test.get("status") == "failed" for test in tests):
            results.failures.append(failed_test(path, str(file.get("message") or ""), path))
    return results


def _jest_test(results: Results, root: Path, path: str, test: Mapping[str, Any]) -> None:
    if test.get("status") == "passed":
        results.passed += 1
    elif test.get("status") == "failed":
        titles = [*(test.get("ancestorTitles") or ()), test.get("title") or ""]
        message = "\n".join(str(one) for one in test.get("failureMessages") or ())
        location = test.get("location") or {}
        line = _line_in(root, path, message) or positive(location.get("line"))
        results.failures.append(failed_test(" > ".join(map(str, titles)), message, path, line))
    else:
        results.skipped += 1


def _line_in(root: Path, path: str, stack: str) -> int | None:
    """Where in the test's own file it failed, by the stack that the failure carries."""
    found = re.search(rf"(?:{re.escape(str(root))}/|[ (]){re.escape(path)}:(\d+):\d+", stack)
    return positive(int(found[1])) if found and path else None


def istanbul_coverage(root: Path, found: Any) -> dict[str, tuple[int, int]]:
    """Lines covered and lines that could be, of the files in the tree; empty for no such map."""
    if not isinstance(found, dict):
        return {}
    try:
        read = read_json(json.dumps(found).encode())
    except BROKEN:
        return {}
    lines = {relative(root, path): counted for path, counted in read.files.items()}
    return {
        path: (counted.covered.bit_count(), counted.runnable.bit_count())
        for path, counted in lines.items()
        if not path.startswith("/")
    }


def read_mocha(root: Path, report: Any) -> Results:
    """Mocha's reporter ``json``. Raises ``ValueError`` for what is no such report."""
    stats = report.get("stats") if isinstance(report, dict) else None
    if not isinstance(stats, dict):
        raise ValueError("its report has no stats")
    results = Results(int(stats.get("passes") or 0), int(stats.get("pending") or 0))
    for test in objects(report.get("failures")):
        said = test.get("err")
        error = said if isinstance(said, dict) else {}
        path = relative(root, str(test.get("file") or ""))
        message = str(error.get("stack") or error.get("message") or "")
        name = str(test.get("fullTitle") or test.get("title") or path)
        results.failures.append(failed_test(name, message, path, _line_in(root, path, message)))
    return results


def read_junit(root: Path, content: bytes) -> Results:
    """JUnit XML as every runner writes it. Raises ``ValueError`` for what is none."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring
    from junitparser import Error, Failure, Skipped, TestCase

    try:
        tree = fromstring(content, forbid_dtd=True)
    except (DefusedXmlException, SyntaxError) as error:
        raise ValueError(f"its report is no JUnit XML: {error}") from None
    results = Results()
    for element in tree.iter("testcase"):
        case = TestCase.fromelem(element)  # type: ignore[no-untyped-call]
        failures = [one for one in case.result if isinstance(one, Failure | Error)]
        if failures:
            message = "\n".join(one.text or one.message or "" for one in failures)
            results.failures.append(_junit_failure(root, element.attrib, message))
        elif any(isinstance(one, Skipped) for one in case.result):
            results.skipped += 1
        else:
            results.passed += 1
    return results


def _junit_failure(root: Path, case: Mapping[str, str], message: str) -> Finding:
    """``file`` and ``line`` are no part of the format, and yet most runners write them."""
    path = relative(root, case["file"]) if case.get("file") else ""
    group = case.get("classname", "")
    name = " > ".join(part for part in (group, case.get("name", "")) if part not in ("", "test"))
    line = case.get("line", "")
    number = int(line) if line.isdecimal() else _line_in(root, path, message)
    return failed_test(name or "test", message, path, positive(number))
