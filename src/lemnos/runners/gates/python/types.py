"""types: mypy, pyright, basedpyright, ty or pyrefly, whichever a project declares; else mypy.

A project that declares none is checked as far as that needs no configuration: what it imports and
is not installed, or has no types, is no error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lemnos.domains.quality.model import Finding, GateRequest, Level, Verdict
from lemnos.runners.gates.answers import json_text, judged, last_words, objects, positive, relative
from lemnos.runners.gates.plugin import Command, Said
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.python.declared import (
    arguments,
    declares,
    narrowed,
    sources,
    table,
    text_of,
)
from lemnos.runners.gates.python.tool import PythonTool
from lemnos.runners.quality.bench import Ended

_RIVALS = ("mypy", "basedpyright", "pyright", "ty", "pyrefly")
_MYPY_FILES = ("mypy.ini", ".mypy.ini")
# path:line:column: severity: text  [code], as mypy and ty (concise) write it
_MYPY_LINE = re.compile(
    r"^(?P<path>[^:\n]+):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<level>error|warning): "
    r"(?P<text>.*?)(?:  \[(?P<rule>[\w-]+)\])?$",
    re.MULTILINE,
)
_TY_LINE = re.compile(
    r"^(?P<path>[^:\n]+):(?P<line>\d+):(?P<column>\d+): (?P<level>error|warning)"
    r"\[(?P<rule>[\w-]+)\] (?P<text>.*)$",
    re.MULTILINE,
)
_OWN_FAULT = re.compile(r"(?:pyproject\.toml|mypy\.ini|setup\.cfg|pyrightconfig\.json)\b.*")
_INI_TARGETS = re.compile(r"^(?:files|packages|modules)\s*=", re.MULTILINE)
_LENIENT = ("--config-file=", "--ignore-missing-imports", "--follow-imports=silent",
            "--explicit-package-bases", "--namespace-packages")  # fmt: skip
_PLAIN = ("--no-error-summary", "--no-color-output", "--no-pretty", "--hide-error-context",
          "--show-column-numbers", "--show-error-codes")  # fmt: skip


class _TypeChecker(PythonTool):
    gate = "types"
    rivals = _RIVALS
    default = "mypy"
    files: tuple[str, ...] = ()  # by which a project configures it

    def applies(self, project: Project) -> bool:
        """Whether it is the one that is declared, in its own file or elsewhere."""
        if "tool" not in project.options(self.gate):
            own = [tool for tool, names in _FILES.items() if set(names) & set(project.files)]
            if own and not any(declares(project, tool) for tool in self.rivals):
                return bool(project.having(".py", ".pyi")) and own[0] == self.tool
        return super().applies(project)


class Mypy(_TypeChecker):
    """mypy, https://mypy.readthedocs.io; its cache is kept between runs over a project."""

    tool = "mypy"
    files = _MYPY_FILES

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """The whole project, as a change in one file shows in others."""
        narrowed(project, request)
        configured = self._configured(project)
        options = (*_PLAIN, *(() if configured else _LENIENT))
        if project.python is not None and program.parent != project.python.parent:
            options = (*options, f"--python-executable={project.python}")
        own = table(project.pyproject, "tool", "mypy")
        named = configured and any(key in own for key in ("files", "packages", "modules"))
        targets = () if named or self._ini_names(project) else ("--", *sources(project))
        env = {} if configured or sources(project) != ("src",) else {"MYPYPATH": "src"}
        argv = (str(program), *options, *arguments(project, self.gate), *targets)
        return Command(argv, env, cache_env="MYPY_CACHE_DIR")

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """Exit code 2 is for files that can't be parsed, and for mypy's own troubles."""
        findings = tuple(_lines(project, _MYPY_LINE, ended.stdout))
        if ended.exit_code == 0:
            return Said(Verdict.PASSED, "No errors of types.", findings)
        if not any(finding.level is Level.ERROR for finding in findings):
            return _at_fault(ended)
        return judged(findings, failed=True)

    def _configured(self, project: Project) -> bool:
        return declares(project, "mypy") or bool(set(_MYPY_FILES) & set(project.files))

    def _ini_names(self, project: Project) -> bool:
        """Whether a configuration in the old form names what is to be checked."""
        texts = (text_of(project, name) for name in (*_MYPY_FILES, "setup.cfg"))
        return any(_INI_TARGETS.search(text) for text in texts)


class Pyright(_TypeChecker):
    """pyright, https://microsoft.github.io/pyright/."""

    tool = "pyright"
    files: tuple[str, ...] = ("pyrightconfig.json",)

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """What its configuration includes, or the changed files."""
        options = ("--outputjson", *arguments(project, self.gate))
        if project.python is not None:
            options = (*options, "--pythonpath", str(project.python))
        return Command((str(program), *options, *narrowed(project, request)))

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """Exit code 3: the configuration can't be read."""
        if ended.exit_code == 3:
            return Said(Verdict.MISCONFIGURED, last_words(ended))
        if ended.exit_code not in (0, 1):
            raise ValueError(last_words(ended))
        report = json_text(ended.stdout, ended)
        findings = tuple(
            _pyright(project, objects(table({"": report}, "").get("generalDiagnostics")))
        )
        return judged(findings, failed=ended.exit_code == 1)


class BasedPyright(Pyright):
    """basedpyright, a pyright that comes with its own Node.js."""

    tool = "basedpyright"
    files = ()


class Ty(_TypeChecker):
    """ty, https://docs.astral.sh/ty/."""

    tool = "ty"
    files = ("ty.toml",)

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """What its configuration includes, or the changed files."""
        options = ("--output-format=concise", "--color=never", *arguments(project, self.gate))
        if project.python is not None:
            options = (*options, f"--python={project.python}")
        return Command((str(program), "check", *options, *narrowed(project, request)))

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """Exit code 2: its configuration or its arguments are wrong."""
        if ended.exit_code not in (0, 1):
            return _at_fault(ended)
        findings = tuple(_lines(project, _TY_LINE, ended.stdout))
        if ended.exit_code == 1 and not findings:
            raise ValueError(last_words(ended))
        return judged(findings, failed=ended.exit_code == 1)


class Pyrefly(_TypeChecker):
    """pyrefly, https://pyrefly.org."""

    tool = "pyrefly"
    files = ("pyrefly.toml",)

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """What its configuration includes, or the changed files."""
        options = ("--output-format=json", *arguments(project, self.gate))
        if project.python is not None:
            options = (*options, f"--python-interpreter-path={project.python}")
        return Command((str(program), "check", *options, *narrowed(project, request)))

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """Exit code 1 is for errors in the code, others for its own."""
        if ended.exit_code not in (0, 1):
            return _at_fault(ended)
        report = json_text(ended.stdout, ended)
        findings = tuple(_pyrefly(project, objects(table({"": report}, "").get("errors"))))
        if ended.exit_code == 1 and not findings:
            raise ValueError(last_words(ended))
        return judged(findings, failed=ended.exit_code == 1)


_FILES = {checker.tool: checker.files for checker in (Mypy, Pyright, BasedPyright, Ty, Pyrefly)}


def _at_fault(ended: Ended) -> Said:
    """Raises ValueError, unless it is the project's configuration that can't be read."""
    if found := _OWN_FAULT.search(ended.output):
        return Said(Verdict.MISCONFIGURED, found[0])
    raise ValueError(last_words(ended))


def _lines(project: Project, pattern: re.Pattern[str], output: str) -> Iterator[Finding]:
    for found in pattern.finditer(output):
        yield Finding(
            rule=found["rule"] or "error",
            message=found["text"],
            level=Level(found["level"]),
            path=relative(project.root, found["path"]),
            line=int(found["line"]),
            column=positive(int(found["column"] or 0)),
        )


def _pyright(project: Project, found: list[dict[str, object]]) -> Iterator[Finding]:
    levels = {"error": Level.ERROR, "warning": Level.WARNING}
    for one in found:
        start, end = table(one, "range", "start"), table(one, "range", "end")
        yield Finding(
            rule=str(one.get("rule") or "error"),
            message=str(one.get("message", "")),
            level=levels.get(str(one.get("severity")), Level.NOTE),
            path=relative(project.root, str(one.get("file", ""))),
            line=_from_zero(start.get("line")),
            column=_from_zero(start.get("character")),
            end_line=_from_zero(end.get("line")),
            end_column=_from_zero(end.get("character")),
        )


def _pyrefly(project: Project, found: list[dict[str, object]]) -> Iterator[Finding]:
    for one in found:
        yield Finding(
            rule=str(one.get("name") or "error"),
            message=str(one.get("description", "")),
            level=Level.WARNING if one.get("severity") == "warn" else Level.ERROR,
            path=relative(project.root, str(one.get("path", ""))),
            line=positive(one.get("line")),
            column=positive(one.get("column")),
            end_line=positive(one.get("stop_line")),
            end_column=positive(one.get("stop_column")),
        )


def _from_zero(number: object) -> int | None:
    return number + 1 if isinstance(number, int) else None
