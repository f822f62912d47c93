"""audit: pip-audit over what the project has pinned.

Nothing is resolved or built: only exact versions are asked about. They are found in lock files,
else in requirements, else in the project's environment.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from packaging.version import InvalidVersion, Version

from lemnos.domains.quality.fingerprint import fingerprint
from lemnos.domains.quality.model import Finding, GateRequest, Verdict
from lemnos.runners.gates.answers import json_file, judged, last_words, objects
from lemnos.runners.gates.plugin import Command, NothingToJudge, Said
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.python.declared import PYTHON, normal, strings, table
from lemnos.runners.gates.python.pinned import Pin, pins
from lemnos.runners.gates.python.tool import PythonTool
from lemnos.runners.quality.bench import Ended

_REPORT = "audit.json"
_AWAY = re.compile(
    r"ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|MaxRetryError|ServiceError|"
    r"HTTPError|JSONDecodeError|Could not connect|connection was refused|Tunnel connection failed"
)
_TOOL_SECONDS = 15  # for each answer of the database
_LONGEST = 500  # characters of a description


class PipAudit(PythonTool):
    """Asks the operator's database (OSV API) about each version."""

    gate = "audit"
    tool = default = "pip-audit"
    rivals = ("pip-audit",)
    configs = ("pyproject.toml",)

    def applies(self, project: Project) -> bool:
        """Whether there is Python, and this is the tool for it."""
        return bool(project.having(*PYTHON, "requirements.txt")) and (
            project.options(self.gate).get("tool", self.tool) in (self.tool, [self.tool])
            or self.tool in strings(project.options(self.gate).get("tool"))
        )

    def program(self, project: Project) -> Path | None:
        """The one beside Lemnos, as it is about the project, not of it."""
        return next((path for path in _places(project) if path.is_file()), None)

    def command(
        self, project: Project, program: Path, request: GateRequest, reports: Path
    ) -> Command:
        """What is pinned goes into one lock file, which is all that the tool sees."""
        lock = _lock(pins(project))
        if "[[packages]]" not in lock:
            raise NothingToJudge("Nothing is pinned or installed that could be asked about.")
        (reports / "pylock.toml").write_text(lock)
        place = urlsplit(project.audit_url)
        ignored = strings(project.options(self.gate).get("ignore"))
        argv = (
            str(program),
            *("--locked", str(reports)),
            *("--vulnerability-service", "osv", "--osv-url", _query(project.audit_url)),
            *("--format", "json", "--output", str(reports / _REPORT)),
            *("--progress-spinner", "off", "--timeout", str(_TOOL_SECONDS)),
            *("--cache-dir", str(reports.parent / "pip-audit")),
            *(part for one in ignored for part in ("--ignore-vuln", one)),
        )
        return Command(argv, hosts=(place.netloc.rpartition("@")[2],))

    def read(self, project: Project, request: GateRequest, ended: Ended, reports: Path) -> Said:
        """A database that was not reached makes the verdict unknown: nobody knows of none."""
        try:
            found = objects(table({"": json_file(reports, _REPORT, ended)}, "").get("dependencies"))
        except ValueError:
            if _AWAY.search(ended.stderr):
                message = f"The database {project.audit_url} did not answer: {_why(ended)}"
                return Said(Verdict.UNKNOWN, message)
            raise
        if ended.exit_code not in (0, 1):
            raise ValueError(last_words(ended))
        skipped = [one for one in found if "skip_reason" in one]
        pinned = {(pin.name, pin.version): pin for pin in reversed(pins(project))}
        findings = tuple(_findings(found, pinned))
        metadata = {"asked": len(found) - len(skipped), "skipped": len(skipped)}
        if not findings and ended.exit_code:
            raise ValueError(last_words(ended))
        said = judged(findings, failed=True, clean=f"{metadata['asked']} versions, none known.")
        return Said(said.verdict, said.message, findings, metadata)


def _places(project: Project) -> Iterator[Path]:
    """Beside Lemnos first: the project's own would come with versions of its own requirements."""
    for folder in project.tools:
        yield folder / "pip-audit"
    if project.python is not None:
        yield project.python.with_name("pip-audit")


def _lock(found: tuple[Pin, ...]) -> str:
    """The pins as a pylock.toml (PEP 751), which may hold several versions of one name."""
    lines = ['lock-version = "1.0"', 'created-by = "lemnos"']
    for pin in found:
        with contextlib.suppress(InvalidVersion):  # a database could not know it
            lines += ["[[packages]]", f'name = "{pin.name}"', f'version = "{Version(pin.version)}"']
    return "\n".join(lines)


def _query(url: str) -> str:
    return f"{url.rstrip('/')}/v1/query"


def _why(ended: Ended) -> str:
    lines = ended.stderr.strip().splitlines()
    return lines[-1][:_LONGEST] if lines else ""


def _findings(
    found: list[dict[str, object]], pinned: dict[tuple[str, str], Pin]
) -> Iterator[Finding]:
    for one in found:
        name, version = str(one.get("name", "")), str(one.get("version", ""))
        pin = pinned.get((normal(name), version), Pin(name, version))
        for advisory in objects(one.get("vulns")):
            rule = str(advisory.get("id", ""))
            mended = ", ".join(strings(advisory.get("fix_versions"))) or "no version"
            text = str(advisory.get("description") or "").strip()[:_LONGEST]
            yield Finding(
                rule,
                f"{name} {version}: {rule}, mended in {mended}. {text}".strip(),
                path=pin.path,
                line=pin.line,
                fingerprint=fingerprint("audit", rule, normal(name)),
            )
