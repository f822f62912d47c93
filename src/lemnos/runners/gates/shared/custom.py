"""Gates that a project declares itself, as ``[[gates.custom]]`` in lemnos.toml."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from pathspec import GitIgnoreSpec

from lemnos.domains.quality.baseline import OMITTED
from lemnos.domains.quality.model import Finding, GateRequest, Level
from lemnos.kernel.errors import Invalid
from lemnos.runners.gates.answers import by_exit_code, json_text, judged, relative
from lemnos.runners.gates.ecmascript.package import MODULES
from lemnos.runners.gates.ecmascript.results import read_junit
from lemnos.runners.gates.files import read_report
from lemnos.runners.gates.plugin import Command, Said
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.shared import regex_worker
from lemnos.runners.gates.shared.sarif_input import read_sarif
from lemnos.runners.quality.bench import Ended

_REPORTS = "{reports}"  # in a command: the folder that it may write its report to
_GROUPS = frozenset({"path", "line", "column", "level", "rule", "message"})
_LEVELS = {"warning": Level.WARNING, "warn": Level.WARNING, "note": Level.NOTE, "info": Level.NOTE}
_MOST = 50  # gates
_PATIENCE = 30  # seconds of the clock; the worker's own limit is of its processor time

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]


class Declaration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table. See docs for what each key means."""

    name: Name
    command: Text | Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]
    parser: Literal["exit", "sarif", "junit", "regex"] = "exit"
    pattern: str = ""
    report: str = ""
    files: tuple[str, ...] = ()
    install: str = ""
    folder: str = ""
    env: dict[str, str] = {}
    timeout: Annotated[float, msgspec.Meta(gt=0)] | None = None
    cache: bool = False

    @property
    def argv(self) -> tuple[str, ...]:
        """The command, split as a shell would, though none is started."""
        if isinstance(self.command, str):
            return tuple(shlex.split(self.command))
        return self.command


class CustomGate:
    """A checker that is nothing but its declaration."""

    writes = False

    def __init__(self, declaration: Declaration) -> None:
        self._said = declaration
        self.gate = declaration.name
        self.tool = Path(declaration.argv[0]).name
        self.cached = declaration.cache

    def applies(self, project: Project) -> bool:
        """Any file matches ``files``, which are patterns as in .gitignore; without them always."""
        if not self._said.files:
            return True
        spec = GitIgnoreSpec.from_lines(self._said.files)
        return any(spec.match_file(path) for path in project.files)

    def program(self, project: Project) -> Path | None:
        """A path is one in the project; a name is looked up as tools are."""
        name = self._said.argv[0]
        if "/" not in name:
            return project.find(name, project.root / MODULES / ".bin")
        found = (project.root / name).resolve()
        inside = found.is_relative_to(project.root.resolve())
        return project.root / name if inside and found.is_file() else None

    def missing(self, project: Project) -> str:
        """As the project says it."""
        how = f": {self._said.install}" if self._said.install else ""
        return f"{self._said.argv[0]} is missing{how}"

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """``{reports}`` becomes the folder for reports. It reaches no host."""
        rest = (part.replace(_REPORTS, str(reports)) for part in self._said.argv[1:])
        return Command(
            (str(program), *rest), self._said.env, self._said.folder, timeout=self._said.timeout
        )

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """A tool that failed has failed, whatever it wrote; one that found something, too."""
        name = self.gate
        if self._said.parser == "exit":
            return by_exit_code(ended, name)
        said = self._parsed(project.root, ended, reports)
        if ended.exit_code and not said.findings:
            return by_exit_code(ended, name)
        return said

    def _parsed(self, root: Path, ended: Ended, reports: Path) -> Said:
        if self._said.parser == "regex":
            return _by_pattern(root, self._said.pattern, ended)
        report = self._said.report
        content = read_report(reports, report) if report else ended.stdout.encode()
        if self._said.parser == "junit":
            return read_junit(root, content).said()
        findings = read_sarif(root, json_text(content.decode(errors="replace"), ended))
        errors = any(finding.level is Level.ERROR for finding in findings)
        return judged(findings, failed=errors or ended.exit_code != 0)

    def fixes(self, project: Project, program: Path) -> Command | None:
        """It says of nothing how to mend it."""
        return None


def _by_pattern(root: Path, pattern: str, ended: Ended) -> Said:
    found = _matches(pattern, ended.output)
    findings = tuple(_finding(root, groups) for groups in found[: regex_worker.MOST])
    errors = any(finding.level is Level.ERROR for finding in findings)
    said = judged(findings, failed=errors or ended.exit_code != 0)
    more = len(found) > regex_worker.MOST
    return Said(said.verdict, said.message, findings, {OMITTED: 1} if more else {})


def _finding(root: Path, groups: Mapping[str, str | None]) -> Finding:
    numbers = {
        key: int(value)
        for key in ("line", "column")
        if (value := groups.get(key) or "").isdecimal() and int(value) > 0
    }
    path = groups.get("path") or ""
    return Finding(
        groups.get("rule") or "finding",
        groups.get("message") or "",
        _LEVELS.get((groups.get("level") or "error").lower(), Level.ERROR),
        relative(root, path) if path else "",
        numbers.get("line"),
        numbers.get("column"),
    )


def _matches(pattern: str, text: str) -> list[dict[str, str | None]]:
    """Raises ``ValueError`` for an expression that does not come to an end. Blocks."""
    argv = (sys.executable, "-I", regex_worker.__file__)
    request = json.dumps([pattern, text]).encode()
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as worker:
        try:
            answer, _ = worker.communicate(request, timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.communicate()
            raise ValueError("its pattern takes too long to match") from None
    if worker.returncode != 0:
        raise ValueError("its pattern takes too long to match")
    found: list[dict[str, str | None]] = json.loads(answer)
    return found


class CustomGates:
    """The family of all of them."""

    def of(self, project: Project) -> Sequence[CustomGate]:
        """Raises ``Invalid`` for a declaration that can't be understood."""
        declared = project.settings.get("custom", ())
        try:
            found = msgspec.convert(declared, tuple[Declaration, ...])
        except msgspec.ValidationError as error:
            raise _invalid(str(error)) from None
        names = [one.name for one in found]
        if len(found) > _MOST:
            raise _invalid(f"there are more than {_MOST}")
        if twice := next((name for name in names if names.count(name) > 1), ""):
            raise _invalid(f"{twice} is declared twice")
        for one in found:
            _demand_sense(one)
        return [CustomGate(one) for one in found]


def _demand_sense(one: Declaration) -> None:
    """What the types can't say."""
    try:
        if not one.argv:
            raise _invalid(f"{one.name}: the command is empty")
    except ValueError as error:
        raise _invalid(f"{one.name}: the command can't be split: {error}") from None
    if one.report and Path(one.report).name != one.report:
        raise _invalid(f"{one.name}: report is the name of a file in {_REPORTS}")
    if (one.parser == "regex") != bool(one.pattern):
        raise _invalid(f"{one.name}: pattern goes with the parser regex, and the parser with it")
    try:
        groups: Mapping[str, Any] = re.compile(one.pattern).groupindex
    except (re.error, RecursionError, OverflowError) as error:
        raise _invalid(f"{one.name}: the pattern is none: {error}") from None
    if one.pattern and "message" not in groups:
        raise _invalid(f"{one.name}: the pattern has no group (?P<message>…)")
    if unknown := sorted(groups.keys() - _GROUPS):
        raise _invalid(f"{one.name}: the pattern has unknown groups: {', '.join(unknown)}")


def _invalid(why: str) -> Invalid:
    return Invalid(f"lemnos.toml: gates.custom: {why}.", code="gates_config")
