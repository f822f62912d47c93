"""tests: pytest, with the lines that it covered; unittest where a project knows no pytest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from lemnos.domains.quality.fingerprint import fingerprint
from lemnos.domains.quality.model import Finding, GateRequest, Verdict
from lemnos.runners.gates.answers import json_file, last_words, relative
from lemnos.runners.gates.files import read_report
from lemnos.runners.gates.interpreters import version_of
from lemnos.runners.gates.plugin import Command, NothingToJudge, Said
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.python.declared import (
    PYTHON,
    arguments,
    declares,
    setup_cfg,
    strings,
    table,
    text_of,
)
from lemnos.runners.gates.python.tool import PythonTool, how_to_install
from lemnos.runners.quality.bench import Ended

_JUNIT, _COVERAGE, _UNITTEST = "junit.xml", "coverage.json", "unittest.json"
_NO_TESTS, _USAGE, _INTERRUPTED = 5, 4, 2  # pytest's exit codes
_TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$")
_PYTEST_FILES = ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "conftest.py")
_INI_ADDOPTS = re.compile(r"^addopts\s*=.*(?:\n[ \t]+.*)*", re.MULTILINE)
_TEXT = 1_500  # characters of a failure that say why
_UNITTEST_SCRIPT = Path(__file__).parents[2] / "builtin" / "unittest_json.py"
_COVERED_SCRIPT = Path(__file__).with_name("inside") / "covered.py"
_FRAME = re.compile(r'File "(?P<path>[^"]+)", line (?P<line>\d+)')


class _Tests(PythonTool):
    gate = "tests"
    rivals = ("pytest", "unittest")

    def applies(self, project: Project) -> bool:
        """Whether there are tests, and they are for this runner."""
        return bool(_test_files(project)) and runner_of(project) == self.tool


class Pytest(_Tests):
    """pytest, https://docs.pytest.org; coverage by pytest-cov, or coverage.py alone."""

    tool = "pytest"

    def program(self, project: Project) -> Path | None:
        """The project's own; without an environment of its own the one beside Lemnos."""
        if project.python is None:
            return project.find(self.tool)
        own = project.python.with_name(self.tool)
        return own if own.is_file() else None

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """A report for every test; pytest's own cache leads out of the tree."""
        if request.changed is not None and not any(
            path.endswith(PYTHON) for path in request.changed
        ):
            raise NothingToJudge("No Python file has changed.")
        options = [
            f"--junitxml={reports / _JUNIT}",
            "-o",
            "junit_family=xunit1",  # the one with files and lines
            "-o",
            f"cache_dir={reports.parent / 'pytest'}",
            *arguments(project, self.gate),
        ]
        if not measures(project):
            return Command((str(program), *options))
        python = program.with_name("python")
        if version_of(python, "pytest-cov"):
            return Command((str(program), *options, *_cov(project, reports)))
        if version_of(python, "coverage"):
            script = (str(python), str(_COVERED_SCRIPT), str(reports / _COVERAGE))
            return Command((*script, "-m", "pytest", *options))
        return Command((str(program), *options))

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """Exit codes: https://docs.pytest.org/en/stable/reference/exit-codes.html."""
        code = ended.exit_code
        if code == _NO_TESTS:
            return Said(Verdict.NOT_APPLICABLE, "pytest has found no tests.")
        if code == _USAGE:
            return Said(Verdict.MISCONFIGURED, f"pytest: {last_words(ended)}")
        if code not in (0, 1, _INTERRUPTED):
            raise ValueError(last_words(ended))
        cases = list(_cases(_parsed(reports)))
        findings = tuple(_failed(project, cases))
        if code and not findings:
            raise ValueError(f"it failed and names no test; {last_words(ended)}")
        covered = _coverage(project, reports)
        metadata = _counts(cases, covered)
        verdict = Verdict.FAILED if code else Verdict.PASSED
        return Said(verdict, _told(metadata), findings, metadata, covered)

    def missing(self, project: Project) -> str:
        """Tests import the project, so only its own environment will do."""
        return how_to_install(project, "pytest")


class Unittest(_Tests):
    """The standard library's unittest, in the project's Python."""

    tool = "unittest"

    def program(self, project: Project) -> Path | None:
        """The interpreter."""
        return project.python or project.find("python3")

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """A small runner of ours that writes down what came of each test."""
        script = (str(_UNITTEST_SCRIPT), str(project.root), str(reports / _UNITTEST))
        if measures(project) and version_of(program, "coverage"):
            covered = (str(_COVERED_SCRIPT), str(reports / _COVERAGE))
            return Command((str(program), *covered, *script))
        return Command((str(program), *script))

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """What each test came to."""
        report = table({"": json_file(reports, _UNITTEST, ended)}, "")
        passed, failed = strings(report.get("passed")), table(report, "failed")
        if not passed and not failed:
            return Said(Verdict.NOT_APPLICABLE, "unittest has found no tests.")
        findings = tuple(_unittest(project, test, str(text)) for test, text in failed.items())
        covered = _coverage(project, reports)
        metadata = {"passed": len(passed), "failed": len(findings), **_share(covered)}
        verdict = Verdict.FAILED if findings else Verdict.PASSED
        return Said(verdict, _told(metadata), findings, metadata, covered)


def runner_of(project: Project) -> str:
    """pytest, unless all that the tests know is unittest."""
    wanted = project.options("tests").get("tool", ())
    if wanted:
        named = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        return next((tool for tool in _Tests.rivals if tool in named), "")
    own = any(PurePosixPath(path).name in _PYTEST_FILES for path in project.files)
    if own or declares(project, "pytest"):
        return "pytest"
    texts = [text_of(project, path) for path in _test_files(project)]
    if any(
        "import pytest" in text or re.search(r"^def test", text, re.MULTILINE) for text in texts
    ):
        return "pytest"
    return "unittest" if any("unittest" in text for text in texts) else "pytest"


def measures(project: Project) -> bool:
    """Whether lines are to be counted: ``[gates.tests] coverage = false`` does without."""
    return project.options("tests").get("coverage") is not False


def _test_files(project: Project) -> tuple[str, ...]:
    return tuple(path for path in project.files if _TEST_FILE.search(path))


def _cov(project: Project, reports: Path) -> tuple[str, ...]:
    """pytest-cov measures what the project wants measured, else all of it."""
    addopts = table(project.pyproject, "tool", "pytest", "ini_options").get("addopts")
    texts = [" ".join(strings(addopts)), setup_cfg(project), text_of(project, "tox.ini")]
    texts += [text_of(project, name) for name in _PYTEST_FILES[:4]]
    wanted = any("--cov" in " ".join(_INI_ADDOPTS.findall(text)) for text in texts[1:])
    asked = () if wanted or "--cov" in texts[0] else ("--cov",)
    return (*asked, f"--cov-report=json:{reports / _COVERAGE}")


# --- reports ------------------------------------------------------------------------------------


def _parsed(reports: Path) -> Element:
    try:
        return fromstring(read_report(reports, _JUNIT))
    except (ParseError, DefusedXmlException, RecursionError) as error:
        raise ValueError(f"its report can't be read: {error}") from None


def _cases(root: Element) -> Iterator[tuple[Element, Element | None]]:
    """Each test, and what it came to other than success."""
    for case in root.iter("testcase"):
        told = (case.find(kind) for kind in ("error", "failure", "skipped"))
        yield case, next((found for found in told if found is not None), None)


def _counts(
    cases: list[tuple[Element, Element | None]], covered: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    ends = [end.tag if end is not None else "passed" for _, end in cases]
    names = {"passed": "passed", "failed": "failure", "skipped": "skipped", "errors": "error"}
    return {name: ends.count(tag) for name, tag in names.items()} | _share(covered)


def _share(covered: Mapping[str, tuple[int, int]]) -> dict[str, float]:
    """The share of all lines that the tests ran, where it was measured."""
    lines = sum(total for _, total in covered.values())
    return {"coverage": round(sum(hit for hit, _ in covered.values()) / lines, 4)} if lines else {}


def _told(metadata: Mapping[str, Any]) -> str:
    counted = (f"{metadata[name]} {name}" for name in _TOLD if metadata.get(name))
    return f"{', '.join(counted)}." if any(map(metadata.get, _TOLD)) else "No test has run."


_TOLD = ("failed", "errors", "passed", "skipped")


def _failed(project: Project, cases: list[tuple[Element, Element | None]]) -> Iterator[Finding]:
    for case, end in cases:
        if end is None or end.tag == "skipped":
            continue
        name, classname = case.get("name") or "", case.get("classname") or ""
        test = f"{classname}.{name}".strip(".")
        line = case.get("line") or ""
        why = (end.get("message") or "").strip() or (end.text or "").strip()[-_TEXT:]
        path = case.get("file") or ""
        yield Finding(
            "test-error" if end.tag == "error" else "test-failed",
            f"{test}: {why[:_TEXT]}",
            path=relative(project.root, path) if path else "",
            line=int(line) + 1 if line.isdigit() else None,
            fingerprint=fingerprint("test", path, test),
        )


def _unittest(project: Project, test: str, text: str) -> Finding:
    path, line = "", None
    for frame in _FRAME.finditer(text):
        inside = relative(project.root, frame["path"])
        if inside in project.files:
            path, line = inside, int(frame["line"])
    last = text.strip().splitlines()[-1:] or [""]
    mark = fingerprint("test", "", test)
    return Finding(
        "test-failed", f"{test}: {last[0][:_TEXT]}", path=path, line=line, fingerprint=mark
    )


def _coverage(project: Project, reports: Path) -> dict[str, tuple[int, int]]:
    """Lines run and lines that could be, of coverage.py's JSON report; empty without one."""
    try:
        report = json_file(reports, _COVERAGE, Ended(0, "", "", 0.0))
    except ValueError:
        return {}
    found = dict[str, tuple[int, int]]()
    for path, of_file in table({"": report}, "", "files").items():
        summary = table(of_file, "summary")
        hit, total = summary.get("covered_lines"), summary.get("num_statements")
        if isinstance(hit, int) and isinstance(total, int) and 0 <= hit <= total:
            found[relative(project.root, path)] = (hit, total)
    return found
