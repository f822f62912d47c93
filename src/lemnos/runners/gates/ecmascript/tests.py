"""tests: Vitest, Jest, Mocha or ``node --test``, by the script ``test``; else its exit code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from lemnos.domains.quality.model import Finding, GateRequest, Verdict
from lemnos.runners.gates.answers import by_exit_code, json_file, last_words
from lemnos.runners.gates.ecmascript.package import (
    MANIFEST,
    QUIET,
    Script,
    declared,
    installed_version,
    script_for,
    scripts,
    system_program,
)
from lemnos.runners.gates.ecmascript.results import Results, read_jest, read_junit, read_mocha
from lemnos.runners.gates.ecmascript.tool import OwnTool, PackageScript
from lemnos.runners.gates.files import read_report
from lemnos.runners.gates.plugin import Command, Said
from lemnos.runners.gates.project import Project
from lemnos.runners.quality.bench import Ended

_JSON = "tests.json"
_COVERAGE = "coverage"
_THRESHOLD = re.compile(r"^.*coverage.*threshold.*$", re.IGNORECASE | re.MULTILINE)
_CONFIG = re.compile(
    r"failed to load config|error in .*config|vitest\.config|vite\.config|jest\.config"
    r"|\.mocharc|Validation Error|Invalid configuration",
    re.IGNORECASE,
)


class Runner(OwnTool):
    """A test runner of the project's own: by the script ``test``, else as a dependency."""

    gate = "tests"
    report = _JSON

    def applies(self, project: Project) -> bool:
        """The script ``test`` starts it and nothing else, or there is no such script."""
        return chosen(project) == self.tool

    def script(self, project: Project) -> Script:
        """The arguments that the project gives it."""
        return script_for(project, self.tool, "test", "test:unit") or Script(())

    def results(self, project: Project, ended: Ended, reports: Path) -> Results:
        """Its report. Raises ``ValueError`` where that can't be read."""
        raise NotImplementedError

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """A run that failed for no test failed for something else, which is told, too."""
        try:
            results = self.results(project, ended, reports)
        except ValueError:
            if ended.exit_code and _CONFIG.search(ended.stderr):
                return Said(Verdict.MISCONFIGURED, f"{self.tool}: {last_words(ended)}")
            raise
        if ended.exit_code and not results.failures:
            results.failures.extend(_besides(self.tool, ended))
        return results.said()


def _besides(tool: str, ended: Ended) -> list[Finding]:
    """Why a run failed in which no test did: too little coverage, an error outside of all tests."""
    missed = _THRESHOLD.findall(ended.output)
    if missed:
        return [Finding("coverage-threshold", line.strip()) for line in missed]
    return [Finding("test-run", f"{tool} failed, though no test did; {last_words(ended)}")]


class Vitest(Runner):
    """Vitest, once: never watching."""

    tool = package = "vitest"

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """With coverage where a provider of it is installed."""
        script = self.script(project)
        kept = script.without(
            reporter=True, outputFile=True, watch=False, w=False, ui=False, coverage=False
        )
        kept = kept[1:] if kept[:1] in (("run",), ("watch",), ("dev",)) else kept
        report = ("--reporter=json", f"--outputFile={reports / _JSON}", "--includeTaskLocation")
        argv = (str(program), "run", *kept, *report, "--passWithNoTests")
        return Command((*argv, *_vitest_coverage(project, reports)), {**QUIET, **script.env})

    def results(self, project: Project, ended: Ended, reports: Path) -> Results:
        """Vitest writes Jest's format, with Istanbul's map of what was covered in it."""
        return read_jest(project.root, json_file(reports, _JSON, ended))


def _vitest_coverage(project: Project, reports: Path) -> tuple[str, ...]:
    providers = ("@vitest/coverage-v8", "@vitest/coverage-istanbul")
    if not any(installed_version(project, provider) for provider in providers):
        return ()
    folder = f"--coverage.reportsDirectory={reports / _COVERAGE}"
    return ("--coverage.enabled", "--coverage.reporter=json", folder)


class Jest(Runner):
    """Jest, which measures coverage by itself."""

    tool = package = "jest"

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """Coverage goes into the report, and nowhere else."""
        script = self.script(project)
        kept = script.without(
            watch=False, watchAll=False, json=False, outputFile=True, coverage=False, reporters=True
        )
        report = ("--ci", "--json", f"--outputFile={reports / _JSON}", "--testLocationInResults")
        coverage = ("--coverage", "--coverageReporters=none")
        argv = (str(program), *kept, *report, *coverage, "--passWithNoTests")
        return Command(argv, {**QUIET, **script.env})

    def results(self, project: Project, ended: Ended, reports: Path) -> Results:
        """Jest's own format."""
        return read_jest(project.root, json_file(reports, _JSON, ended))


class Mocha(Runner):
    """Mocha."""

    tool = package = "mocha"

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """The report goes to a file, as tests print to the output."""
        script = self.script(project)
        kept = script.without(reporter=True, R=True, watch=False, w=False, reporter_option=True)
        report = ("--reporter", "json", "--reporter-option", f"output={reports / _JSON}")
        return Command((str(program), *kept, *report), {**QUIET, **script.env})

    def results(self, project: Project, ended: Ended, reports: Path) -> Results:
        """Mocha's own format."""
        return read_mocha(project.root, json_file(reports, _JSON, ended))


class NodeTest(Runner):
    """The test runner that is part of Node.js."""

    tool = "node"

    def program(self, project: Project) -> Path | None:
        """The operator's Node.js, else the system's."""
        return system_program(project, self.tool)

    def missing(self, project: Project) -> str:
        """Node.js itself."""
        return "node is missing: install Node.js"

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """JUnit is the only one of its reporters that a program can read."""
        script = self.script(project)
        kept = script.without(test_reporter=True, test_reporter_destination=True, watch=False)
        destination = f"--test-reporter-destination={reports / 'tests.xml'}"
        # Options stand in front of the files.
        argv = (str(program), "--test-reporter=junit", destination, *kept)
        return Command(argv, {**QUIET, **script.env})

    def results(self, project: Project, ended: Ended, reports: Path) -> Results:
        """JUnit XML."""
        return read_junit(project.root, read_report(reports, "tests.xml"))


class TestScript(PackageScript):
    """The script ``test`` of a project whose runner is not known, or that does more than run it."""

    __test__ = False  # pytest takes it for a test case
    gate = "tests"
    script = "test"
    configs = (MANIFEST,)

    def applies(self, project: Project) -> bool:
        """Where nobody else can tell more than its exit code."""
        return self.declares(project) and not chosen(project)

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """As people run it."""
        return self.start(program)

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """By its exit code."""
        return by_exit_code(ended, "npm test")


_PACKAGES: Mapping[str, str] = {"vitest": "vitest", "jest": "jest", "mocha": "mocha"}


def chosen(project: Project) -> str:
    """The runner of a project's tests; empty where only its script ``test`` knows."""
    found = scripts(project)
    for tool in _PACKAGES:
        if script_for(project, tool, "test"):
            return tool
    node = script_for(project, "node", "test")
    if node is not None and "--test" in node.arguments:
        return "node"
    if "test" in found:
        return ""
    known = declared(project)
    return next((tool for tool, package in _PACKAGES.items() if package in known), "")
