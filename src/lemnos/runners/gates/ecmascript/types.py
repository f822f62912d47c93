"""types: ``tsc --noEmit``, or ``vue-tsc`` where the project declares it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lemnos.domains.quality.fingerprint import read_regular
from lemnos.domains.quality.model import Finding, GateRequest, Level, Verdict
from lemnos.runners.gates.answers import judged, last_words, relative
from lemnos.runners.gates.ecmascript.package import (
    MANIFEST,
    QUIET,
    Script,
    declared,
    script_for,
)
from lemnos.runners.gates.ecmascript.tool import OwnTool
from lemnos.runners.gates.plugin import Command, Said
from lemnos.runners.gates.project import Project
from lemnos.runners.quality.bench import Ended

CONFIG = "tsconfig.json"
_SCRIPTS = (
    "typecheck", "type-check", "types", "check-types", "check:types", "tsc", "lint:types",
    "test:types",
)  # fmt: skip
_ERROR = re.compile(
    r"^(?:(?P<path>[^\s(][^(\n]*)\((?P<line>\d+),(?P<column>\d+)\): )?"
    r"(?P<level>error|warning) (?P<code>TS\d+): (?P<text>.*(?:\n[ \t]+\S.*)*)$",
    re.MULTILINE,
)
# Diagnostics about options and about which files there are, not about what is in them.
_OF_OPTIONS = re.compile(r"TS(5\d{3}|6\d{3}|18\d{3})$")
# A solution: it holds no files itself, others are built by way of their references.
_REFERENCES = re.compile(r'"references"\s*:\s*\[\s*\{')
_NO_FILES = re.compile(r'"files"\s*:\s*\[\s*\]')


class TypeScript(OwnTool):
    """The compiler as a checker: nothing is emitted."""

    gate = "types"
    tool = "tsc"
    package = "typescript"
    configs: tuple[str, ...] = (MANIFEST,)

    def applies(self, project: Project) -> bool:
        """A tsconfig.json says how types are to be checked; Vue's compiler knows more files."""
        return CONFIG in project.files and VueTsc.package not in declared(project)

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """With the arguments of a script that does nothing but check types."""
        script = script_for(project, self.tool, *_SCRIPTS) or Script(self._project(project))
        kept = script.without(watch=False, w=False, noEmit=False, pretty=False)
        # --build is to be the first option.
        argv = (str(program), *kept, "--noEmit", "--pretty", "false")
        return Command(argv, {**QUIET, **script.env})

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """An error without a file is about the configuration."""
        findings = tuple(_findings(project.root, ended.stdout))
        options = [one for one in findings if not one.path and _OF_OPTIONS.match(one.rule)]
        options += [one for one in findings if Path(one.path).name.startswith("tsconfig")]
        if options:
            return Said(Verdict.MISCONFIGURED, f"TypeScript: {options[0].message}")
        if ended.exit_code and not findings:
            raise ValueError(last_words(ended))
        return judged(findings, failed=ended.exit_code != 0, clean="No type errors.")

    def _project(self, project: Project) -> tuple[str, ...]:
        try:
            text = read_regular(project.root / CONFIG, 1024 * 1024).decode(errors="replace")
        except (OSError, ValueError):
            text = ""
        solution = _REFERENCES.search(text) and _NO_FILES.search(text)
        return ("--build",) if solution else ("--project", CONFIG)


def _findings(root: Path, output: str) -> Iterator[Finding]:
    for found in _ERROR.finditer(output):
        line, column = found["line"], found["column"]
        yield Finding(
            found["code"],
            found["text"],
            Level.ERROR if found["level"] == "error" else Level.WARNING,
            relative(root, found["path"]) if found["path"] else "",
            int(line) if line else None,
            int(column) if column else None,
        )


class VueTsc(TypeScript):
    """Vue's compiler, which also checks what is in templates."""

    tool = package = "vue-tsc"
    configs = ()

    def applies(self, project: Project) -> bool:
        """Where the project declares it."""
        return CONFIG in project.files and self.package in declared(project)
