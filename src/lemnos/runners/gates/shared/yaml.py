"""yaml: yamllint, by the project's own configuration, else for what is wrong rather than ugly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

from lemnos.domains.quality.model import Finding, GateRequest, Level, Verdict
from lemnos.runners.gates.answers import judged, last_words, relative
from lemnos.runners.gates.plugin import Command, Said
from lemnos.runners.gates.project import Project
from lemnos.runners.quality.bench import Ended

_CONFIGURATIONS = (".yamllint", ".yamllint.yaml", ".yamllint.yml")
_DEFAULT = "{extends: relaxed, rules: {line-length: disable}}"
_GENERATED = ("pnpm-lock.yaml",)
_LINE = re.compile(
    r"^(?P<path>.+?):(?P<line>\d+):(?P<column>\d+): \[(?P<level>error|warning)\] "
    r"(?P<text>.*?)(?: \((?P<rule>[a-z-]+)\))?$",
    re.MULTILINE,
)


class YamlLint:
    """yamllint. ``[gates.yaml] exclude`` lists patterns, as in .gitignore, of what is left out."""

    gate = "yaml"
    tool = "yamllint"
    writes = False
    cached = True

    def applies(self, project: Project) -> bool:
        """Any YAML that is not generated."""
        return bool(_files(project))

    def program(self, project: Project) -> Path | None:
        """The project's own, else that beside Lemnos."""
        return project.find(self.tool)

    def missing(self, project: Project) -> str:
        """Where it comes from."""
        return "yamllint is missing: run `pip install yamllint`"

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """All files, or the changed ones."""
        files = _files(project)
        if request.changed is not None:
            files = tuple(path for path in files if path in set(request.changed)) or files
        own = any(name in project.files for name in _CONFIGURATIONS)
        config = () if own else ("--config-data", _DEFAULT)
        return Command((str(program), "--format", "parsable", *config, "--", *files))

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """Exit code 1: there are errors; anything else but 0: it could not look."""
        if "invalid config" in ended.stderr:
            return Said(Verdict.MISCONFIGURED, f"yamllint: {last_words(ended)}")
        findings = tuple(_findings(project.root, ended.stdout))
        if ended.exit_code not in (0, 1) or (ended.exit_code and not findings):
            raise ValueError(last_words(ended))
        return judged(findings, failed=ended.exit_code != 0)

    def fixes(self, project: Project, program: Path) -> Command | None:
        """It mends nothing."""
        return None


def _files(project: Project) -> tuple[str, ...]:
    excluded = GitIgnoreSpec.from_lines(
        [*_GENERATED, *map(str, project.options("yaml").get("exclude", ()))]
    )
    return tuple(path for path in project.having(".yaml", ".yml") if not excluded.match_file(path))


def _findings(root: Path, output: str) -> Iterator[Finding]:
    for found in _LINE.finditer(output):
        yield Finding(
            found["rule"] or "syntax",
            found["text"],
            Level.ERROR if found["level"] == "error" else Level.WARNING,
            relative(root, found["path"]),
            int(found["line"]),
            int(found["column"]),
        )
