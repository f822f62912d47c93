"""Looking at a tree before any tool runs: files, documents, interpreters."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lemnos.domains.quality.ports import Tree
from lemnos.kernel.errors import Invalid
from lemnos.runners.gates.discovery import discover
from lemnos.runners.gates.interpreters import environment_of, installed, version_of
from lemnos.runners.quality.bench import Workbench
from lemnos.runners.sandbox import choose_sandbox
from tests.conformance.gates.tools import git


@pytest.fixture(scope="module")
def bench() -> Workbench:
    return Workbench(choose_sandbox("auto"))


def write(root: Path, *names: str, text: str = "") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


async def test_the_files_that_git_knows_or_does_not_ignore(
    tmp_path: Path, bench: Workbench
) -> None:
    write(tmp_path, "a.py", "build/tracked.py", "gone.py", "ä b.py", ".hidden/x.py")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    write(tmp_path, "new.py", "ignored.log", "node_modules/x.js")
    write(tmp_path, ".gitignore", text="*.log\nnode_modules/\n")
    (tmp_path / "gone.py").unlink()
    (tmp_path / "link.py").symlink_to("/etc/passwd")
    project = await discover(Tree(tmp_path), bench)

    assert project.files == (
        ".gitignore", ".hidden/x.py", "a.py", "build/tracked.py", "new.py", "ä b.py",
    )  # fmt: skip
    assert project.links == ("link.py",)


async def test_no_configuration_of_a_tree_starts_a_program(
    tmp_path: Path, bench: Workbench
) -> None:
    write(tmp_path, "a.py")
    git(tmp_path, "init", "-q")
    hook = tmp_path / "evil.sh"
    hook.write_text('#!/bin/sh\ntouch "$(dirname "$0")/ran"\n')
    hook.chmod(0o755)
    git(tmp_path, "config", "core.fsmonitor", str(hook))
    git(tmp_path, "config", "core.hooksPath", str(tmp_path))
    project = await discover(Tree(tmp_path), bench)

    assert "a.py" in project.files
    assert not (tmp_path / "ran").exists()


async def test_a_folder_without_git(tmp_path: Path, bench: Workbench) -> None:
    write(
        tmp_path, "a.py", "sub/b.py", ".env", ".github/workflows/ci.yml", ".tox/c.py", "dist/d.py",
        "node_modules/e.js", "x.egg-info/f", "own/pyvenv.cfg", "own/g.py",
    )  # fmt: skip
    project = await discover(Tree(tmp_path), bench)

    assert project.files == (".env", ".github/workflows/ci.yml", "a.py", "sub/b.py")


async def test_what_only_looks_like_a_repository_is_walked(
    tmp_path: Path, bench: Workbench
) -> None:
    write(tmp_path, "a.py", ".git/HEAD")

    assert (await discover(Tree(tmp_path), bench)).files == ("a.py",)


async def test_documents_are_parsed_or_told_to_be_broken(tmp_path: Path, bench: Workbench) -> None:
    write(tmp_path, "pyproject.toml", text="[tool.lemnos.gates]\nrun = ['lint']\n")
    write(tmp_path, "package.json", text='{"name": ')
    write(tmp_path, ".pre-commit-config.yaml", text="repos: [\n")
    project = await discover(Tree(tmp_path), bench)

    assert project.settings == {"run": ["lint"]}
    assert set(project.broken) == {"package.json", ".pre-commit-config.yaml"}
    assert "line 1" in project.broken["package.json"]


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"a": [1]', "[1]"], ids=["deep", "cut off", "no object"]
)
async def test_odd_documents_are_broken(tmp_path: Path, bench: Workbench, content: str) -> None:
    write(tmp_path, "package.json", text=content)

    assert "package.json" in (await discover(Tree(tmp_path), bench)).broken


async def test_a_document_that_is_a_link_is_not_followed(tmp_path: Path, bench: Workbench) -> None:
    (tmp_path / "outside").mkdir()
    write(tmp_path / "outside", "secret.json", text='{"secret": 1}')
    root = tmp_path / "root"
    root.mkdir()
    (root / "package.json").symlink_to(tmp_path / "outside/secret.json")
    project = await discover(Tree(root), bench)

    assert project.package == {}
    assert "package.json" in project.broken


@pytest.mark.parametrize("content", ["gates = 3\n", "[gates\n"])
async def test_gates_that_can_not_be_read(tmp_path: Path, bench: Workbench, content: str) -> None:
    write(tmp_path, "lemnos.toml", text=content)

    with pytest.raises(Invalid):
        await discover(Tree(tmp_path), bench)


async def test_no_folder(tmp_path: Path, bench: Workbench) -> None:
    with pytest.raises(Invalid):
        await discover(Tree(tmp_path / "nowhere"), bench)


# --- interpreters -------------------------------------------------------------------------------


def environment(folder: Path, home: str = "") -> Path:
    write(folder, "pyvenv.cfg", text=f"home = {home}\n")
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").symlink_to(sys.executable)
    return folder


def test_the_projects_own_environment_comes_first(tmp_path: Path) -> None:
    active = environment(tmp_path / "active")
    root = tmp_path / "root"
    root.mkdir()
    assert environment_of(root) is None
    found = environment_of(root, active)
    assert found is not None
    assert found.python == active / "bin/python"
    assert active in found.readable

    environment(root / ".venv")
    own = environment_of(root, active)
    assert own is not None
    assert own.python == root / ".venv/bin/python"


@pytest.mark.parametrize("home", ["/bin", "/usr/bin", "/etc", "/nowhere/bin"])
def test_an_environment_makes_nothing_readable_that_is_no_python(tmp_path: Path, home: str) -> None:
    environment(tmp_path / ".venv", home)
    found = environment_of(tmp_path)

    assert found is not None
    for path in found.readable:
        assert path not in (Path("/"), Path(home).parent, Path(home)), path


def test_the_home_of_a_person_is_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    write(home, "bin/python3", "lib/python3.11/os.py", ".ssh/key")
    monkeypatch.setattr(Path, "home", lambda: home)
    environment(tmp_path / "root/.venv", str(home / "bin"))
    found = environment_of(tmp_path / "root")

    assert found is not None
    assert not any(path.is_relative_to(home) for path in found.readable)


def test_a_python_that_was_installed_elsewhere_is_readable(tmp_path: Path) -> None:
    prefix = tmp_path / "pythons/3.11"
    write(prefix, "bin/python3.11", "lib/python3.11/os.py")
    environment(tmp_path / "root/.venv", str(prefix / "bin"))
    found = environment_of(tmp_path / "root")

    assert found is not None
    assert {prefix / "bin", prefix / "lib"} <= set(found.readable)


def test_what_is_installed(tmp_path: Path) -> None:
    python = environment(tmp_path / ".venv") / "bin/python"
    packages = tmp_path / ".venv/lib/python3.11/site-packages"
    for name in ("pytest_cov-7.1.0.dist-info", "ruff-0.17.6.dist-info", "x"):
        (packages / name).mkdir(parents=True)

    assert installed(python) == ("pytest_cov-7.1.0", "ruff-0.17.6")
    assert version_of(python, "pytest-cov") == "7.1.0"
    assert version_of(python, "absent") == ""
