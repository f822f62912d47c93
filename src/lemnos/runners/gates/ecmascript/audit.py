"""audit: known vulnerabilities of what the lock file pins, as the project's package manager asks.

What the registry does not answer is unknown, never clean.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lemnos.domains.quality.fingerprint import fingerprint
from lemnos.domains.quality.model import Finding, GateRequest, Level, Verdict
from lemnos.runners.gates.answers import judged, last_words, objects
from lemnos.runners.gates.ecmascript.package import MANIFEST, QUIET, manager, system_program
from lemnos.runners.gates.plugin import Command, Said
from lemnos.runners.gates.project import Project
from lemnos.runners.quality.bench import Ended

SEVERITIES = ("info", "low", "moderate", "high", "critical")
_NPM_PATIENCE = 20.0  # seconds


@dataclass(frozen=True, order=True, slots=True)
class Advisory:
    """A known vulnerability of the versions of a package."""

    rule: str
    package: str
    versions: str
    title: str
    severity: str

    @property
    def rank(self) -> int:
        """How severe it is; a word that is not known is taken for the worst."""
        known = self.severity in SEVERITIES
        return SEVERITIES.index(self.severity) if known else len(SEVERITIES)


class PackageAudit:
    """An audit by one package manager.

    ``[gates.audit]`` may set ``level``, the least severity that fails (default ``low``), and
    ``ignore``, a list of advisories that do not count.
    """

    gate = "audit"
    tool: str
    writes = False
    cached = True
    locks: tuple[str, ...]
    arguments: tuple[str, ...]
    configs: tuple[str, ...] = ()

    def applies(self, project: Project) -> bool:
        """A project of this package manager that has dependencies, or pins some."""
        if manager(project) != self.tool:
            return False
        has = any(project.package.get(key) for key in ("dependencies", "devDependencies"))
        return bool(has or any(lock in project.files for lock in self.locks))

    def program(self, project: Project) -> Path | None:
        """The operator's, else the system's."""
        return system_program(project, self.tool)

    def missing(self, project: Project) -> str:
        """The package manager."""
        return f"{self.tool} is missing: install it beside Node.js"

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """It may reach the registry, and nothing else."""
        return asking((str(program), *self.arguments))

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """Anything but a whole answer is no verdict."""
        lock = next((lock for lock in self.locks if lock in project.files), "")
        if not lock:
            message = f"There is no {self.locks[0]}: nothing says which versions are in use."
            return Said(Verdict.MISCONFIGURED, message)
        try:
            advisories = list(self.advisories(ended.stdout))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            message = f"{self.tool} has no answer from the registry: {last_words(ended)}"
            return Said(Verdict.UNKNOWN, message)
        return _judged(project, lock, advisories)

    def advisories(self, answer: str) -> Iterator[Advisory]:
        """What the registry knows. Raises ValueError and its like for what is no answer."""
        raise NotImplementedError

    def fixes(self, project: Project, program: Path) -> Command | None:
        """Other versions are for people to choose."""
        return None


def _judged(project: Project, lock: str, found: Iterable[Advisory]) -> Said:
    options = project.options("audit")
    ignored = options.get("ignore", ())
    level = options.get("level", "low")
    if level not in SEVERITIES:
        known = ", ".join(SEVERITIES)
        return Said(Verdict.MISCONFIGURED, f"gates.audit.level is {level!r}; known are: {known}.")
    counted = sorted({one for one in found if one.rule not in ignored})
    findings = tuple(_finding(one, lock) for one in counted)
    failed = any(one.rank >= SEVERITIES.index(level) for one in counted)
    return judged(findings, failed=failed, clean="No known vulnerabilities.")


def _finding(advisory: Advisory, lock: str) -> Finding:
    text = f"{advisory.package} {advisory.versions}: {advisory.title} ({advisory.severity})"
    return Finding(
        advisory.rule,
        text,
        Level.ERROR if advisory.rank > SEVERITIES.index("low") else Level.WARNING,
        lock,
        fingerprint=fingerprint("audit", advisory.rule, advisory.package),
    )


def _rule(advisory: Mapping[str, Any]) -> str:
    """GHSA-… where it has one, as the address ends in it; else the registry's number."""
    url = str(advisory.get("url") or "")
    named = str(advisory.get("github_advisory_id") or url.rstrip("/").rsplit("/", 1)[-1])
    return named or str(advisory.get("source") or advisory["id"])


class NpmAudit(PackageAudit):
    """``npm audit``: https://docs.npmjs.com/cli/commands/npm-audit"""

    tool = "npm"
    locks = ("package-lock.json", "npm-shrinkwrap.json")
    arguments = ("audit", "--json", "--package-lock-only")
    configs = (MANIFEST,)

    def advisories(self, answer: str) -> Iterator[Advisory]:
        """Each advisory once, however many packages are affected by way of others."""
        report = json.loads(answer)
        if not isinstance(report["vulnerabilities"], dict) or "auditReportVersion" not in report:
            raise ValueError("it is no report")
        for package in report["vulnerabilities"].values():
            for via in objects(package.get("via")):  # a text is another package of this report
                name, versions, title = (str(via.get(key)) for key in ("name", "range", "title"))
                yield Advisory(_rule(via), name, versions, title, str(via["severity"]))


class PnpmAudit(PackageAudit):
    """``pnpm audit``."""

    tool = "pnpm"
    locks = ("pnpm-lock.yaml",)
    arguments = ("audit", "--json")

    def advisories(self, answer: str) -> Iterator[Advisory]:
        """The older format of npm's registry."""
        report = json.loads(answer)
        if not isinstance(report["advisories"], dict):
            raise TypeError("it is no report")
        for advisory in report["advisories"].values():
            yield _old_advisory(advisory)


class YarnAudit(PackageAudit):
    """``yarn npm audit`` of Yarn 2 and newer, ``yarn audit`` of Yarn 1."""

    tool = "yarn"
    locks = ("yarn.lock",)

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """A file .yarnrc.yml is of Yarn 2 and newer alone."""
        modern = ".yarnrc.yml" in project.files
        audit = (
            ("npm", "audit", "--all", "--recursive", "--json") if modern else ("audit", "--json")
        )
        return asking((str(program), *audit))

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """Yarn 2 and newer say nothing where there is nothing, and end with 0."""
        if not ended.stdout.strip() and (ended.exit_code or ".yarnrc.yml" not in project.files):
            return Said(Verdict.UNKNOWN, f"yarn has no answer: {last_words(ended)}")
        return super().read(project, request, ended, reports)

    def advisories(self, answer: str) -> Iterator[Advisory]:
        """One JSON document a line."""
        for line in answer.splitlines():
            found = json.loads(line)
            if found.get("type") == "auditAdvisory":
                yield _old_advisory(found["data"]["advisory"])
            elif "children" in found:
                said = found["children"]
                rule = _rule({"url": said.get("URL"), "id": said["ID"]})
                versions = ", ".join(map(str, said.get("Tree Versions") or ()))
                issue, severity = str(said["Issue"]), str(said["Severity"])
                yield Advisory(rule, str(found["value"]), versions, issue, severity)
            elif found.get("type") not in ("auditSummary", "info", "warning"):
                raise ValueError("it is no report")


def _old_advisory(advisory: Mapping[str, Any]) -> Advisory:
    keys = ("module_name", "vulnerable_versions", "title", "severity")
    package, versions, title, severity = (str(advisory[key]) for key in keys)
    return Advisory(_rule(advisory), package, versions, title, severity)


def asking(argv: tuple[str, ...]) -> Command:
    """A command that may reach the operator's registry and nothing else; nothing where none is set.

    What the tree itself names is not asked: whoever wrote the tree could have it send the code
    anywhere. A project with a registry of its own needs the operator's word.
    """
    url = urlsplit(os.environ.get("NPM_CONFIG_REGISTRY", "") or npm_registry())
    if not url.hostname:
        return Command(argv, QUIET)
    port = f":{url.port}" if url.port else ""
    plain = url._replace(netloc=f"{url.hostname}{port}").geturl()  # without a password in it
    env = {"NPM_CONFIG_REGISTRY": plain, "YARN_NPM_REGISTRY_SERVER": plain}
    return Command(argv, {**QUIET, **env}, hosts=(f"{url.hostname}{port}",))


@cache
def npm_registry() -> str:
    """What the operator's npm is set to, which by itself is the public one. Blocks; asked once."""
    try:
        ended = subprocess.run(
            ("npm", "config", "get", "registry"),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=_NPM_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.strip() if ended.returncode == 0 else ""
