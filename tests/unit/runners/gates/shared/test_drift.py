"""Declared, locked and installed tools against each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lemnos.domains.quality.model import GateRequest, Verdict
from lemnos.runners.gates.discovery import SETTINGS
from lemnos.runners.gates.documents import read_json, read_toml, read_yaml
from lemnos.runners.gates.plugin import Said
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.shared.declared import caret
from lemnos.runners.gates.shared.drift import ToolDrift, node_allows, python_allows


async def judged(root: Path, files: dict[str, str], installed: dict[str, str]) -> Said:
    """What is said of these files, with these Python and (``npm:``) Node.js packages."""
    for name, text in files.items():
        (root / name).write_text(text)
    site = root / ".venv/lib/python3.11/site-packages"
    (root / ".venv/bin").mkdir(parents=True)
    for name, version in installed.items():
        npm = name.startswith("npm:")
        folder = root / "node_modules" / name[4:] if npm else site / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        manifest = json.dumps({"version": version})
        (folder / ("package.json" if npm else "METADATA")).write_text(manifest if npm else metadata)
    broken = dict[str, str]()
    project = Project(
        root,
        tuple(sorted(files)),
        read_toml(root, "pyproject.toml", broken),
        read_json(root, "package.json", broken),
        read_yaml(root, ".pre-commit-config.yaml", broken),
        python=root / ".venv/bin/python",
    )
    assert not broken
    assert ToolDrift().applies(project)
    return await ToolDrift().judge(project, GateRequest(drift_check=True))


def states(said: Said) -> dict[str, str]:
    return {one["tool"]: one["state"] for one in said.metadata["drift"]}


PYPROJECT = """
[project.optional-dependencies]
lint = ["ruff>=0.17", "requests"]
[dependency-groups]
test = ["pytest~=9.0", {include-group = "lint"}]
[tool.poetry.group.dev.dependencies]
mypy = "^2.4"
"""
UV_LOCK = "".join(
    f'[[package]]\nname = "{name}"\nversion = "{version}"\n'
    for name, version in (("ruff", "0.17.1"), ("pytest", "9.0.2"), ("mypy", "2.4.0"))
)


async def test_tools_that_are_as_declared_and_locked(tmp_path: Path) -> None:
    said = await judged(
        tmp_path,
        {"pyproject.toml": PYPROJECT, "uv.lock": UV_LOCK},
        {"ruff": "0.17.1", "pytest": "9.0.2", "mypy": "2.4.0"},
    )

    assert (said.verdict, said.message) == (Verdict.PASSED, "3 ok.")
    assert states(said) == {"ruff": "ok", "pytest": "ok", "mypy": "ok"}


async def test_each_way_to_drift_is_told_with_the_three_versions(tmp_path: Path) -> None:
    hooks = "repos: [{repo: x/ruff-pre-commit, rev: v0.16.0, hooks: []}]\n"
    said = await judged(
        tmp_path,
        {"pyproject.toml": PYPROJECT, "uv.lock": UV_LOCK, ".pre-commit-config.yaml": hooks},
        {"ruff": "0.17.1", "pytest": "9.1.0"},
    )

    assert said.verdict is Verdict.FAILED
    assert states(said) == {"ruff": "drift", "pytest": "drift", "mypy": "missing"}
    pytest_ = next(one for one in said.metadata["drift"] if one["tool"] == "pytest")
    assert (pytest_["locked"], pytest_["installed"]) == ("9.0.2", "9.1.0")
    assert pytest_["declared"][0]["version"] == "~=9.0"
    rules = {finding.message.split(":")[0]: finding.rule for finding in said.findings}
    assert rules == {"mypy": "tool-missing", "pytest": "tool-drift", "ruff": "tool-drift"}
    assert any(".pre-commit-config.yaml" in finding.message for finding in said.findings)


PACKAGE = json.dumps({"devDependencies": {"eslint": "^9.1.0", "left-pad": "1"}})
NODE_LOCKS = {
    "package-lock.json": json.dumps({"packages": {"node_modules/eslint": {"version": "9.2.0"}}}),
    "pnpm-lock.yaml": "importers: {.: {devDependencies: {eslint: {version: 9.2.0(jiti@2)}}}}\n",
    "yarn.lock": '# yarn\n\n"eslint@npm:^9.1.0":\n  version: 9.2.0\n',
}


@pytest.mark.parametrize("lock", NODE_LOCKS)
@pytest.mark.parametrize(
    ("installed", "state"), [("9.2.0", "ok"), ("9.9.0", "drift"), ("", "missing")]
)
async def test_npm_tools(tmp_path: Path, lock: str, installed: str, state: str) -> None:
    files = {"package.json": PACKAGE, lock: NODE_LOCKS[lock]}
    said = await judged(tmp_path, files, {"npm:eslint": installed} if installed else {})

    assert states(said) == {"eslint": state}
    assert said.metadata["drift"][0]["locked"] == "9.2.0"


async def test_requirements_and_lemnos_toml_declare_tools_too(tmp_path: Path) -> None:
    said = await judged(
        tmp_path,
        {
            "requirements-dev.txt": "ruff==0.17.1 \\\n    --hash=sha256:00\n-r other.txt\n",
            SETTINGS: '[tools]\nmytool = ">=2"\n"npm:esno" = "^1"\n',
        },
        {"ruff": "0.17.1", "mytool": "1.0", "npm:esno": "1.4.0"},
    )

    assert states(said) == {"ruff": "ok", "mytool": "drift", "esno": "ok"}


async def test_a_lock_that_can_not_be_read_is_no_verdict(tmp_path: Path) -> None:
    said = await judged(tmp_path, {"pyproject.toml": PYPROJECT, "uv.lock": "[[package"}, {})

    assert said.verdict is Verdict.MISCONFIGURED
    assert "uv.lock" in said.message


@pytest.mark.parametrize(
    ("poetry", "pep440"),
    [
        ("^1.2.3", ">=1.2.3,<2"), ("^0.2.3", ">=0.2.3,<0.3"), ("^0", ">=0,<1"),
        ("~1.2.3", ">=1.2.3,<1.3"), ("~1", ">=1,<2"), ("*", ""), ("1.2.3", "==1.2.3"),
        (">=1,<3", ">=1,<3"),
    ],
)  # fmt: skip
def test_poetrys_ranges(poetry: str, pep440: str) -> None:
    assert caret(poetry) == pep440


def test_what_is_no_range_allows_everything() -> None:
    assert python_allows("1.0", "@ file:///x")
    assert all(node_allows("1.0.0", text) for text in ("latest", "workspace:*", "git+ssh://x/y"))
    assert not node_allows("2.0.0", "^1")
