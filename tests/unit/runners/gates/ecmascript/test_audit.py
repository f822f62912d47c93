"""What registries answer to audits: findings, nothing, or no answer at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lemnos.domains.quality.model import GateRequest, Verdict
from lemnos.runners.gates.ecmascript import audit
from lemnos.runners.gates.ecmascript.audit import NpmAudit, PackageAudit, PnpmAudit, YarnAudit
from lemnos.runners.gates.plugin import Command, Said
from lemnos.runners.gates.project import Project
from lemnos.runners.quality.bench import Ended

VIA = {
    "source": 7, "name": "braces", "title": "Bomb", "severity": "high", "range": "<3.0.3",
    "url": "https://example.test/advisories/GHSA-grv7",
}  # fmt: skip
NPM = {
    "auditReportVersion": 2,
    "vulnerabilities": {"braces": {"via": [VIA]}, "micromatch": {"via": ["braces", VIA]}},
}
OLD = {
    "module_name": "braces", "vulnerable_versions": "<3.0.3", "title": "Bomb",
    "severity": "high", "github_advisory_id": "GHSA-grv7", "id": 7,
}  # fmt: skip
PNPM = {"advisories": {"7": OLD}, "metadata": {}}
YARN = {"type": "auditAdvisory", "data": {"advisory": OLD}}
BERRY = {
    "value": "braces",
    "children": {"ID": 7, "Issue": "Bomb", "URL": VIA["url"], "Severity": "high",
                 "Tree Versions": ["3.0.2"]},
}  # fmt: skip
FOUND = [(NpmAudit(), NPM), (PnpmAudit(), PNPM), (YarnAudit(), YARN), (YarnAudit(), BERRY)]


def read(checker: PackageAudit, answer: str, code: int = 1, **audit: Any) -> Said:
    project = Project(Path("/p"), (checker.locks[0],), settings={"audit": audit})
    return checker.read(project, GateRequest(), Ended(code, answer, "", 0.1), Path("/r"))


@pytest.mark.parametrize(("checker", "answer"), FOUND)
def test_each_vulnerability_is_told_once(checker: PackageAudit, answer: dict[str, Any]) -> None:
    said = read(checker, json.dumps(answer))

    assert said.verdict is Verdict.FAILED
    assert [(one.rule, one.path) for one in said.findings] == [("GHSA-grv7", checker.locks[0])]
    assert "braces" in said.findings[0].message


@pytest.mark.parametrize(("checker", "answer"), FOUND)
def test_what_is_ignored_or_below_the_level(checker: PackageAudit, answer: dict[str, Any]) -> None:
    text = json.dumps(answer)

    assert read(checker, text, ignore=["GHSA-grv7"]).verdict is Verdict.PASSED
    below = read(checker, text, level="critical")
    assert (below.verdict, len(below.findings)) == (Verdict.PASSED, 1)
    assert read(checker, text, level="sevear").verdict is Verdict.MISCONFIGURED


@pytest.mark.parametrize("checker", [NpmAudit(), PnpmAudit(), YarnAudit()])
@pytest.mark.parametrize(
    "answer",
    ["", "{", "[]", '{"message": "405 Method Not Allowed", "error": {"summary": ""}}',
     '{"error": {"code": "ENOTFOUND"}}', '{"type": "error", "data": "away"}'],
)  # fmt: skip
@pytest.mark.parametrize("code", [0, 1])
def test_no_answer_is_unknown(checker: PackageAudit, answer: str, code: int) -> None:
    assert read(checker, answer, code).verdict is Verdict.UNKNOWN


def test_a_clean_answer() -> None:
    clean = {"auditReportVersion": 2, "vulnerabilities": {}}

    assert read(NpmAudit(), json.dumps(clean), 0).verdict is Verdict.PASSED


def test_only_the_operators_registry_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project(Path("/p"), ("package-lock.json",))

    def ask() -> Command:
        return NpmAudit().command(project, Path("npm"), GateRequest(), Path("/r"))

    monkeypatch.delenv("NPM_CONFIG_REGISTRY", raising=False)
    monkeypatch.setattr(audit, "npm_registry", lambda: "https://npm.example.test/")
    assert ask().hosts == ("npm.example.test",)
    monkeypatch.setattr(audit, "npm_registry", lambda: "")
    assert ask().hosts == ()
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://me:secret@npm.example.test:8443/a/")
    command = ask()
    assert command.hosts == ("npm.example.test:8443",)
    assert command.env["NPM_CONFIG_REGISTRY"] == "https://npm.example.test:8443/a/"
