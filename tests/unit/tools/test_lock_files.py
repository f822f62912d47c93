"""Lock files pin everything by hash and name neither a registry nor this machine."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def entries(lock: Path) -> list[str]:
    """Each requirement of a lock file with its hashes, on one line."""
    text = "\n".join(line for line in lock.read_text().splitlines() if not line.startswith("#"))
    return text.replace("\\\n", " ").split("\n")


def versions(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock.read_text(), re.MULTILINE))


def normalised(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name
    return name[0].lower().replace("_", "-")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_exact_and_hashed(lock: Path) -> None:
    assert entries(lock)
    for entry in entries(lock):
        assert re.match(r"[a-z0-9-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry), entry


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_registry_address_and_no_local_path(lock: Path) -> None:
    text = lock.read_text()
    assert "//" not in text
    assert not re.search(r"^\s*--(index|extra|find)", text, re.MULTILINE)


def test_runtime_lock_holds_every_declared_dependency() -> None:
    declared = {normalised(requirement) for requirement in PROJECT["project"]["dependencies"]}
    assert declared <= versions(ROOT / "requirements" / "runtime.lock").keys()


def test_tests_run_on_the_versions_that_users_get() -> None:
    runtime = versions(ROOT / "requirements" / "runtime.lock")
    dev = versions(ROOT / "requirements" / "dev.lock")
    assert runtime.items() <= dev.items()


def test_npm_lock_has_integrity_and_no_address() -> None:
    lock = json.loads((ROOT / "tools" / "package-lock.json").read_text())
    wanted = json.loads((ROOT / "tools" / "package.json").read_text())["dependencies"]
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name
