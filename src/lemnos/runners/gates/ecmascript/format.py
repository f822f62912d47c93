"""format: Prettier or Biome's formatter, as the project declares it; they look, or they write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lemnos.domains.quality.model import Finding, GateRequest, Level, Verdict
from lemnos.runners.gates.answers import last_words, relative
from lemnos.runners.gates.ecmascript.lint import BIOME_FILES, biome_said
from lemnos.runners.gates.ecmascript.package import MANIFEST, QUIET, Script, script_for
from lemnos.runners.gates.ecmascript.tool import OwnTool
from lemnos.runners.gates.plugin import Command, Said
from lemnos.runners.gates.project import Project
from lemnos.runners.quality.bench import Ended

_PRETTIER_SUFFIXES = (
    "", ".json", ".json5", ".yaml", ".yml", ".toml", ".js", ".cjs", ".mjs", ".ts", ".cts", ".mts",
)  # fmt: skip
_UNPARSED = re.compile(
    r"^\[error\] (?P<path>.+?): (?P<text>\w*Error: .+?)(?: \((?P<line>\d+):(?P<column>\d+)\))?$",
    re.MULTILINE,
)


class Prettier(OwnTool):
    """Prettier, over what the project's own script names, else over all that it knows."""

    gate = "format"
    tool = package = "prettier"
    writes = True
    configs = (MANIFEST,)
    configurations = (
        *(f".prettierrc{suffix}" for suffix in _PRETTIER_SUFFIXES),
        *(f"prettier.config.{suffix}" for suffix in ("js", "cjs", "mjs", "ts", "cts", "mts")),
    )

    def applies(self, project: Project) -> bool:
        """Also a table in package.json configures it."""
        return super().applies(project) or "prettier" in project.package

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """``--list-different`` names what is, or was, not formatted, and nothing else."""
        return self._command(project, program, *(() if request.no_format else ("--write",)))

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """Exit code 2: files that can't be parsed, or a configuration that can't."""
        unparsed = tuple(_unparsed(project.root, ended.stderr))
        if ended.exit_code not in (0, 1) and not unparsed:
            if "nvalid" in ended.stderr or "rror in" in ended.stderr:
                return Said(Verdict.MISCONFIGURED, f"Prettier: {last_words(ended)}")
            raise ValueError(last_words(ended))
        named = tuple(relative(project.root, line) for line in ended.stdout.splitlines() if line)
        return formatted(named, unparsed, "prettier", wrote=not request.no_format)

    def fixes(self, project: Project, program: Path) -> Command | None:
        """Prettier writes what it would have."""
        return self._command(project, program, "--write")

    def _command(self, project: Project, program: Path, *more: str) -> Command:
        names = ("format:check", "format", "prettier", "format:write", "fmt", "lint:format")
        script = script_for(project, "prettier", *names) or Script(())
        kept = script.without(
            write=False, w=False, check=False, c=False, list_different=False, l=False, cache=False
        )
        argv = (str(program), "--list-different", "--ignore-unknown", *more, *(kept or (".",)))
        return Command(argv, {**QUIET, **script.env})


def _unparsed(root: Path, stderr: str) -> Iterator[Finding]:
    for found in _UNPARSED.finditer(stderr):
        line, column = found["line"], found["column"]
        yield Finding(
            "parse-error",
            found["text"],
            path=relative(root, found["path"]),
            line=int(line) if line else None,
            column=int(column) if column else None,
        )


def formatted(
    named: tuple[str, ...], others: tuple[Finding, ...], tool: str, *, wrote: bool
) -> Said:
    """The verdict of a formatter that named files: those it has written, or would have."""
    unformatted = tuple(
        Finding("format", f"{tool} would change it.", Level.ERROR, path, fixable=True)
        for path in named
        if not wrote
    )
    files = "1 file" if len(unformatted) == 1 else f"{len(unformatted)} files"
    told = [f"{files} to be formatted."] if unformatted else []
    told += [f"{len(others)} that can't be parsed."] if others else []
    findings = (*unformatted, *others)
    verdict = Verdict.FAILED if findings else Verdict.PASSED
    return Said(verdict, " ".join(told) or "All files are formatted.", findings)


class BiomeFormat(OwnTool):
    """Biome's formatter; its linter is a checker of its own."""

    gate = "format"
    tool = "biome"
    package = "@biomejs/biome"
    writes = True
    configurations = BIOME_FILES

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """Biome finds the files that its configuration includes."""
        write = () if request.no_format else ("--write",)
        options = ("--reporter=json", "--max-diagnostics=none", "--no-errors-on-unmatched")
        return Command((str(program), "format", *options, *write, "."), QUIET)

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """A file that is not formatted is a diagnostic of the category ``format``."""
        said = biome_said(project, ended)
        if said.verdict is Verdict.MISCONFIGURED:
            return said
        named = tuple(one.path for one in said.findings if one.rule == "format")
        others = tuple(one for one in said.findings if one.rule != "format")
        return formatted(named, others, "biome", wrote=False)

    def fixes(self, project: Project, program: Path) -> Command | None:
        """Biome writes what it would have."""
        return Command((str(program), "format", "--write", "."), QUIET)
