"""lint: ESLint, Biome, Oxlint, whichever a project declares; else its script ``lint``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lemnos.domains.quality.baseline import OMITTED
from lemnos.domains.quality.model import Finding, GateRequest, Level, Verdict
from lemnos.runners.gates.answers import (
    by_exit_code,
    json_file,
    json_text,
    judged,
    last_words,
    objects,
    positive,
    relative,
)
from lemnos.runners.gates.ecmascript.package import MANIFEST, QUIET, SCRIPTS, Script, script_for
from lemnos.runners.gates.ecmascript.tool import OwnTool, PackageScript
from lemnos.runners.gates.plugin import Command, Said
from lemnos.runners.gates.project import Project
from lemnos.runners.quality.bench import Ended

BIOME_FILES = ("biome.json", "biome.jsonc", ".biome.json", ".biome.jsonc")
_LEVELS = {"error": Level.ERROR, "fatal": Level.ERROR, "warning": Level.WARNING}
# What its stack shows of a configuration, or a plug-in of it, that can't be loaded.
_ESLINT_CONFIG = re.compile(
    r"eslint\.config\.|eslintrc|eslintConfig|config-(loader|array)|module_job"
    r"|Cannot find (module|package)"
)


class Eslint(OwnTool):
    """ESLint, with the arguments of the script ``lint`` where that starts nothing else."""

    gate = "lint"
    tool = package = "eslint"
    configurations = (
        *(f"eslint.config.{suffix}" for suffix in ("js", "mjs", "cjs", "ts", "mts", "cts")),
        ".eslintrc", *(f".eslintrc.{suffix}" for suffix in ("js", "cjs", "json", "yml", "yaml")),
    )  # fmt: skip

    def applies(self, project: Project) -> bool:
        """Also a table in package.json configures it."""
        return super().applies(project) or "eslintConfig" in project.package

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """The report goes to a file, as plug-ins print to the output."""
        arguments, env = self._arguments(project)
        if changed := _changed(project, request):
            arguments = ("--no-error-on-unmatched-pattern", "--", *changed)
        report = ("--format", "json", "--output-file", str(reports / "eslint.json"))
        return Command((str(program), *report, *arguments), {**QUIET, **env})

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """Exit code 2: ESLint itself, or the project's configuration of it, is at fault."""
        if ended.exit_code not in (0, 1):
            if _ESLINT_CONFIG.search(ended.output):
                return Said(Verdict.MISCONFIGURED, f"ESLint: {last_words(ended)}")
            raise ValueError(last_words(ended))
        files = json_file(reports, "eslint.json", ended)
        findings = tuple(_eslint(project.root, files))
        if ended.exit_code and not findings:
            raise ValueError(f"it failed and found nothing; {last_words(ended)}")
        return judged(findings, failed=ended.exit_code != 0)

    def fixes(self, project: Project, program: Path) -> Command | None:
        """ESLint mends what its rules can."""
        arguments, env = self._arguments(project)
        return Command((str(program), "--fix", *arguments), {**QUIET, **env})

    def _arguments(self, project: Project) -> tuple[tuple[str, ...], Mapping[str, str]]:
        script = script_for(project, "eslint", "lint", "eslint", "lint:js", "lint:check")
        script = script or Script(())
        kept = script.without(
            fix=False, fix_dry_run=False, cache=False, cache_location=True, f=True, format=True,
            o=True, output_file=True,
        )  # fmt: skip
        return kept or (".",), script.env


def _changed(project: Project, request: GateRequest) -> tuple[str, ...]:
    """The changed files that are there and are scripts; none: all is to be looked at."""
    there = set(project.files)
    return tuple(path for path in request.changed or () if path.endswith(SCRIPTS) and path in there)


def _eslint(root: Path, files: Any) -> Iterator[Finding]:
    """https://eslint.org/docs/latest/use/formatters/#json"""
    for file in objects(files):
        path = relative(root, str(file.get("filePath", "")))
        for message in objects(file.get("messages")):
            rule = message.get("ruleId")
            fatal = bool(message.get("fatal"))
            if rule is None and not fatal and not message.get("line"):
                continue  # that a file is ignored, or that a directive is unused
            yield Finding(
                rule or ("parse-error" if fatal else "eslint"),
                str(message.get("message", "")),
                Level.ERROR if fatal or message.get("severity") == 2 else Level.WARNING,
                path,
                positive(message.get("line")),
                positive(message.get("column")),
                positive(message.get("endLine")),
                positive(message.get("endColumn")),
                fixable="fix" in message,
            )


class Biome(OwnTool):
    """Biome's linter; its formatter is a checker of its own."""

    gate = "lint"
    tool = "biome"
    package = "@biomejs/biome"
    configurations = BIOME_FILES

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """Biome finds the files that its configuration includes."""
        changed = _changed(project, request) or (".",)
        options = ("--reporter=json", "--max-diagnostics=none", "--no-errors-on-unmatched")
        return Command((str(program), "lint", *options, "--", *changed), QUIET)

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """Its own errors are diagnostics, too."""
        return biome_said(project, ended)

    def fixes(self, project: Project, program: Path) -> Command | None:
        """Only fixes that Biome takes for safe."""
        return Command((str(program), "lint", "--write", "."), QUIET)


def biome_said(project: Project, ended: Ended) -> Said:
    """The verdict of a Biome command with ``--reporter=json``."""
    if not ended.stdout.strip():
        if "configuration" in ended.stderr.lower():
            return Said(Verdict.MISCONFIGURED, f"Biome: {last_words(ended)}")
        raise ValueError(last_words(ended))
    answer = json_text(ended.stdout, ended)
    diagnostics = objects(answer.get("diagnostics") if isinstance(answer, dict) else None)
    for one in diagnostics:
        if one.get("category") in ("configuration", "deserialize", "project"):
            return Said(Verdict.MISCONFIGURED, f"Biome: {one.get('message', '')}")
    findings = tuple(_biome(project.root, one) for one in diagnostics)
    if ended.exit_code and not findings:
        raise ValueError(f"it failed and found nothing; {last_words(ended)}")
    said = judged(findings, failed=ended.exit_code != 0)
    summary = answer.get("summary")
    omitted = summary.get("diagnosticsNotPrinted", 0) if isinstance(summary, dict) else 0
    return Said(said.verdict, said.message, findings, {OMITTED: omitted} if omitted else {})


def _biome(root: Path, diagnostic: Mapping[str, Any]) -> Finding:
    location = diagnostic.get("location") or {}
    start, end = location.get("start") or {}, location.get("end") or {}
    path = location.get("path") or ""
    return Finding(
        str(diagnostic.get("category") or "biome"),
        str(diagnostic.get("message", "")),
        _LEVELS.get(str(diagnostic.get("severity")), Level.NOTE),
        relative(root, path) if isinstance(path, str) and path else "",
        positive(start.get("line")),
        positive(start.get("column")),
        positive(end.get("line")),
        positive(end.get("column")),
    )


class Oxlint(OwnTool):
    """Oxlint."""

    gate = "lint"
    tool = package = "oxlint"
    configurations = (".oxlintrc.json", "oxlint.config.ts")

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """With the arguments of the script ``lint`` where that starts nothing else."""
        script = script_for(project, "oxlint", "lint", "oxlint") or Script(())
        kept = script.without(fix=False, fix_suggestions=False, f=True, format=True)
        changed = _changed(project, request)
        return Command((str(program), "--format=json", *(changed or kept)), {**QUIET, **script.env})

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """What it prints in front of its JSON is about its configuration."""
        if not ended.stdout.lstrip().startswith("{"):
            if "config" in ended.output.lower():
                return Said(Verdict.MISCONFIGURED, f"Oxlint: {last_words(ended)}")
            raise ValueError(last_words(ended))
        answer = json_text(ended.stdout, ended)
        findings = tuple(_oxlint(project.root, one) for one in objects(answer.get("diagnostics")))
        if ended.exit_code and not findings:
            raise ValueError(f"it failed and found nothing; {last_words(ended)}")
        return judged(findings, failed=ended.exit_code != 0)

    def fixes(self, project: Project, program: Path) -> Command | None:
        """Oxlint mends what its rules can."""
        return Command((str(program), "--fix"), QUIET)


def _oxlint(root: Path, diagnostic: Mapping[str, Any]) -> Finding:
    labels = objects(diagnostic.get("labels"))
    span = labels[0].get("span") or {} if labels else {}
    path = diagnostic.get("filename") or ""
    return Finding(
        str(diagnostic.get("code") or "parse-error"),
        str(diagnostic.get("message", "")),
        _LEVELS.get(str(diagnostic.get("severity")), Level.NOTE),
        relative(root, str(path)) if path else "",
        positive(span.get("line")),
        positive(span.get("column")),
    )


class LintScript(PackageScript):
    """The script ``lint`` of a project that declares none of the linters above."""

    gate = script = "lint"
    configs = (MANIFEST,)  # here alone, so that one checker of the gate tells it

    def applies(self, project: Project) -> bool:
        """Where nobody else can tell more than its exit code."""
        known = any(linter().applies(project) for linter in (Eslint, Biome, Oxlint))
        return self.declares(project) and not known

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """As people run it."""
        return self.start(program)

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """By its exit code."""
        return by_exit_code(ended, "npm run lint")
