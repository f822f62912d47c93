"""lint and format by Ruff, https://docs.astral.sh/ruff/; format by Black where that is declared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lemnos.domains.quality.model import Finding, GateRequest, Level, Verdict
from lemnos.runners.gates.answers import json_file, judged, last_words, objects, positive, relative
from lemnos.runners.gates.plugin import Command, Said
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.python.declared import arguments, declares, hooks, narrowed, table
from lemnos.runners.gates.python.tool import PythonTool
from lemnos.runners.quality.bench import Ended

_CONFIGS = (*PythonTool.configs, "ruff.toml", ".ruff.toml")
_REPORT = "ruff.json"
_OWN_FAULT = re.compile(
    r"Failed to (?:parse|load) |Unknown (?:rule|selector)|required version", re.IGNORECASE
)
_FILE = re.compile(r"^--- (?P<path>[^\t\n]+)")
_HUNK = re.compile(r"^@@ -(?P<line>\d+)")
_UNPARSED = re.compile(
    r"^error: (?:Failed to parse|cannot format) (?P<path>.+?):(?:(?P<line>\d+):(?P<column>\d+):)? ?"
    r"(?P<text>.*)$",
    re.MULTILINE,
)


class RuffLint(PythonTool):
    """``ruff check`` of the whole project, or of the changed files."""

    gate = "lint"
    tool = default = "ruff"
    rivals = ("ruff",)
    configs = _CONFIGS

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """The report goes to a file; nothing is mended here, whatever the configuration says."""
        report = ("--output-format=json", f"--output-file={reports / _REPORT}")
        options = ("--no-fix", "--force-exclude", *report, *arguments(project, self.gate))
        return Command(
            (str(program), "check", *options, "--", *(narrowed(project, request) or "."))
        )

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """Exit code 2: Ruff itself, or the project's configuration of it, is at fault."""
        if ended.exit_code not in (0, 1):
            return _at_fault(ended)
        found = objects(json_file(reports, _REPORT, ended))
        findings = tuple(_ruff(project, found))
        return judged(findings, failed=ended.exit_code == 1)

    def fixes(self, project: Project, program: Path) -> Command | None:
        """Ruff mends what it can without changing what the code does."""
        options = ("--fix", "--exit-zero", "--quiet", "--force-exclude")
        return Command((str(program), "check", *options, "--", "."))


class _Formatter(PythonTool):
    """A formatter whose ``--diff`` names files, as those of Ruff and Black do."""

    gate = "format"
    default = "ruff"
    rivals = ("ruff", "black")
    writes = True

    def applies(self, project: Project) -> bool:
        """Black formats where it is declared, unless Ruff's formatter is declared as well."""
        return bool(project.having(".py", ".pyi")) and formatter(project) == self.tool

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """What would be changed, or that it was."""
        unread = tuple(_unparsed(project, ended.stderr))
        if not request.no_format:
            if ended.exit_code != 0 and not unread:
                return _at_fault(ended)
            return judged(unread, failed=True, clean="Every file is formatted.")
        findings = tuple(_diff(project, ended.stdout))
        if ended.exit_code not in (0, 1) and not unread:
            return _at_fault(ended)
        if ended.exit_code == 1 and not (findings or unread):
            raise ValueError(f"it would change files and names none; {last_words(ended)}")
        return judged((*findings, *unread), failed=True, clean="Every file is formatted.")


class RuffFormat(_Formatter):
    """``ruff format``."""

    tool = "ruff"
    configs = _CONFIGS

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """A diff shows what would change; else the files are formatted."""
        options = (*(("--diff",) if request.no_format else ()), "--force-exclude")
        argv = (str(program), "format", *options, *arguments(project, self.gate))
        return Command((*argv, "--", *(narrowed(project, request) or ".")))


class Black(_Formatter):
    """Black, https://black.readthedocs.io."""

    tool = "black"

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """A diff shows what would change; else the files are formatted."""
        look = ("--check", "--diff", "--no-color") if request.no_format else ()
        argv = (str(program), *look, "--quiet", *arguments(project, self.gate))
        return Command((*argv, "--", *(narrowed(project, request) or ".")))


def formatter(project: Project) -> str:
    """Which of the two formats a project."""
    wanted = project.options("format").get("tool", ())
    if wanted:
        named = [wanted] if isinstance(wanted, str) else list(wanted)
        return next((tool for tool in named if tool in ("ruff", "black")), "")
    of_ruff = "ruff-format" in hooks(project) or "format" in table(
        project.pyproject, "tool", "ruff"
    )
    return "black" if declares(project, "black") and not of_ruff else "ruff"


def _at_fault(ended: Ended) -> Said:
    """Raises ValueError, unless it is the project's configuration that can't be read."""
    if _OWN_FAULT.search(ended.stderr):
        return Said(Verdict.MISCONFIGURED, last_words(ended))
    raise ValueError(last_words(ended))


def _ruff(project: Project, found: list[dict[str, object]]) -> Iterator[Finding]:
    for one in found:
        start, end = table(one, "location"), table(one, "end_location")
        warning = one.get("severity") == "warning"
        yield Finding(
            rule=str(one.get("code") or "invalid-syntax"),
            message=str(one.get("message", "")),
            level=Level.WARNING if warning else Level.ERROR,
            path=relative(project.root, str(one.get("filename", ""))),
            line=positive(start.get("row")),
            column=positive(start.get("column")),
            end_line=positive(end.get("row")),
            end_column=positive(end.get("column")),
            fixable=table(one, "fix").get("applicability") == "safe",
        )


def _diff(project: Project, diff: str) -> Iterator[Finding]:
    """One finding for each file of a unified diff, at its first hunk."""
    path = ""
    for line in diff.splitlines():
        if found := _FILE.match(line):
            path = relative(project.root, found["path"])
        elif path and (found := _HUNK.match(line)):
            message = "The file would be formatted differently."
            yield Finding("format", message, path=path, line=int(found["line"]), fixable=True)
            path = ""


def _unparsed(project: Project, errors: str) -> Iterator[Finding]:
    for found in _UNPARSED.finditer(errors):
        yield Finding(
            "invalid-syntax",
            found["text"] or "The file can't be parsed.",
            path=relative(project.root, found["path"]),
            line=int(found["line"]) if found["line"] else None,
            column=int(found["column"]) if found["column"] else None,
        )
