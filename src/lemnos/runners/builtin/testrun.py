"""Run the project's own tests, and read which failed and why."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from lemnos.runners.builtin.shell import Tail, end_group
from lemnos.runners.builtin.tree import Tree

FRAME = re.compile(r'File "(?P<path>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?')
ERROR_LINE = re.compile(
    r"^(?:E\s+)?(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning))"
    r"(?:: (?P<message>.*))?$"
)
PYTEST_ONLY = re.compile(
    r"^(?:async )?def test|^\[tool\.pytest|\bimport pytest\b|\bfrom pytest\b"
    r"|^class Test\w*(?:\(\))?:",
    re.MULTILINE,
)
UNITTEST_RUNNER = Path(__file__).with_name("unittest_json.py")


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of a traceback, inside the workspace; `path` is relative to it."""

    path: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Failure:
    """One test that failed, with its error and its frames in the workspace, outermost first."""

    test: str
    kind: str
    message: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class TestReport:
    """One run of the tests. `problem` says why there is no verdict (a time-out, a crash).

    `seconds` is what the tests themselves took, without the start of their runner.
    """

    __test__ = False  # not a test class, whatever its name

    runner: str
    passed: frozenset[str]
    failures: tuple[Failure, ...]
    problem: str = ""
    seconds: float = 0.0

    @property
    def failing(self) -> frozenset[str]:
        return frozenset(failure.test for failure in self.failures)

    @property
    def summary(self) -> str:
        return self.problem or f"{len(self.passed)} passed, {len(self.failures)} failed"

    def no_worse_than(self, before: TestReport) -> bool:
        """Whether every test that passed still does, and no failure is new."""
        return not self.problem and before.passed <= self.passed and self.failing <= before.failing

    def better_than(self, before: TestReport) -> bool:
        """Whether fewer tests fail and none that passed is broken.

        A test module that could not be imported counts as one failure and hides its tests: once it
        can be, failures of tests that had never run before are no loss.
        """
        if self.problem or not before.passed <= self.passed:
            return False
        if before.problem:
            return True
        mended = before.failing - self.failing
        return bool(mended) and (
            self.failing < before.failing or len(self.passed) > len(before.passed)
        )


class TestSuite:
    """The project's tests. Those that need pytest are run with it, others with unittest."""

    __test__ = False

    def __init__(self, tree: Tree, timeout: float) -> None:
        self._tree = tree
        self._timeout = timeout
        self.files = [p for p in tree.files(".py", scoped=False) if is_test_file(p)]
        self.runner = "pytest" if needs_pytest(tree, self.files) else "unittest"

    def run(self) -> TestReport | None:
        """Run all tests once; None where there are none."""
        if not self.files:
            return None
        if self.runner == "pytest" and not importlib.util.find_spec("pytest"):
            problem = "the tests are written for pytest, which is not installed beside Lemnos"
            return TestReport(self.runner, frozenset(), (), problem)
        with tempfile.TemporaryDirectory(prefix="builtin-tests-") as folder:
            results = Path(folder, "results")
            problem = self._execute(self._command(results))
            if not results.exists():
                return TestReport(self.runner, frozenset(), (), problem or "the tests did not run")
            read = _read_junit if self.runner == "pytest" else _read_unittest
            passed, failures, seconds = read(results, self._tree.root)
        if not passed and not failures and not problem:
            return None
        return TestReport(self.runner, frozenset(passed), tuple(failures), problem, seconds)

    def _command(self, results: Path) -> list[str]:
        if self.runner == "unittest":
            return [sys.executable, str(UNITTEST_RUNNER), str(self._tree.root), str(results)]
        return [
            sys.executable, "-m", "pytest", "-q", "--tb=native", "-p", "no:cacheprovider",
            "--continue-on-collection-errors", f"--junitxml={results}", "-o", "junit_family=xunit1",
        ]  # fmt: skip

    def _execute(self, command: list[str]) -> str:
        """Run to the end or the time limit; returns what went wrong, if anything did."""
        process = subprocess.Popen(
            command,
            cwd=self._tree.root,
            env=_environment(self._tree.root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        output = Tail(process.stdout)
        try:
            process.wait(self._timeout)
        except subprocess.TimeoutExpired:
            return f"the tests were still running after {self._timeout:g} s"
        finally:
            end_group(process)
        if process.returncode in (0, 1, 2, 5):  # passed, failed, collection errors, no tests
            return ""
        return f"{self.runner} ended with {process.returncode}: {output.text()[-500:]}"


def is_test_file(path: str) -> bool:
    """Whether pytest and unittest would both look into the file by their default patterns."""
    return bool(re.fullmatch(r"test_.*\.py|.*_test\.py", path.rsplit("/", 1)[-1]))


def needs_pytest(tree: Tree, test_files: list[str]) -> bool:
    """Whether any test is not a plain unittest case, or pytest itself is configured."""
    if any((tree.root / name).exists() for name in ("pytest.ini", "tox.ini", "conftest.py")):
        return True
    for path in [*test_files, "pyproject.toml"]:
        try:
            if PYTEST_ONLY.search(tree.read(path)):
                return True
        except (OSError, UnicodeDecodeError, ValueError):
            continue
    return False


def _environment(root: Path) -> dict[str, str]:
    """An environment in which tests import the project and leave no compiled files behind."""
    sources = [str(root / "src")] if (root / "src").is_dir() else []
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*sources, str(root)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTEST_ADDOPTS": "",
    }


def _read_junit(results: Path, root: Path) -> tuple[list[str], list[Failure], float]:
    passed, failures, seconds = [], [], 0.0
    for case in ET.parse(results).iter("testcase"):  # noqa: S314  written by our own pytest run
        name = "::".join(filter(None, (case.get("classname"), case.get("name"))))
        seconds += float(case.get("time") or 0)
        trouble = case.find("failure")
        trouble = case.find("error") if trouble is None else trouble
        if trouble is not None:
            failures.append(failure_from(name, trouble.text or "", root))
        elif case.find("skipped") is None:
            passed.append(name)
    return passed, failures, seconds


def _read_unittest(results: Path, root: Path) -> tuple[list[str], list[Failure], float]:
    document = json.loads(results.read_text())
    failures = [failure_from(name, text, root) for name, text in document["failed"].items()]
    return document["passed"], failures, document["seconds"]


def failure_from(test: str, traceback: str, root: Path) -> Failure:
    """Read a traceback in Python's own format: its last error line, its frames in the project."""
    kind, message = "", ""
    for line in reversed(traceback.splitlines()):
        if match := ERROR_LINE.match(line):
            kind, message = match["kind"].rsplit(".", 1)[-1], match["message"] or ""
            break
    frames = []
    for match in FRAME.finditer(traceback):
        path = Path(match["path"])
        absolute = path if path.is_absolute() else root / path
        if root in absolute.parents:
            frames.append(
                Frame(
                    absolute.relative_to(root).as_posix(),
                    int(match["line"]),
                    match["function"] or "",
                )
            )
    return Failure(test, kind, message, tuple(frames))
