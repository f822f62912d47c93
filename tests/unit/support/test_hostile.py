"""The hostile repository is hostile: git, used without care, is caught by it."""

import os
import subprocess
from pathlib import Path

from tests.support.git_repos import CLEAN_GIT_ENV, git
from tests.support.hostile import ODD_NAMES, SECRET_TEXT, HostileRepository


def checkout(attack: HostileRepository, folder: Path) -> Path:
    git("clone", "-q", attack.path, folder)
    return folder


def carelessly(*arguments: str, cwd: Path) -> None:
    """Run git as one should not; what it says is of no interest."""
    environment = CLEAN_GIT_ENV | {"HOME": str(cwd)}
    subprocess.run(["git", *arguments], cwd=cwd, env=environment, capture_output=True, check=False)


def test_a_plain_clone_gets_everything_and_runs_nothing(
    hostile_repository: HostileRepository, tmp_path: Path
) -> None:
    hostile_repository.add_all()
    tree = checkout(hostile_repository, tmp_path / "tree")
    names = set(os.listdir(tree / "odd"))
    assert names == set(ODD_NAMES)
    assert (tree / "links/absolute").read_text() == SECRET_TEXT
    assert (tree / "links/relative").resolve() == hostile_repository.secret.resolve()
    assert os.access(tree / ".githooks/pre-commit", os.X_OK)
    assert "169.254.169.254" in (tree / ".gitmodules").read_text()
    assert (tree / ".mcp.json").exists()
    assert (tree / ".claude/settings.json").exists()
    assert hostile_repository.triggered() == []


def test_a_poisoned_checkout_catches_careless_git(
    hostile_repository: HostileRepository, tmp_path: Path
) -> None:
    hostile_repository.add_all()
    tree = checkout(hostile_repository, tmp_path / "tree")
    hostile_repository.poison_checkout(tree)
    (tree / "README.md").write_text("changed\n")
    (tree / "odd" / "new.txt").write_text("changed\n")
    carelessly("add", "-A", cwd=tree)
    carelessly("diff", "HEAD", cwd=tree)
    carelessly("commit", "-m", "caught", cwd=tree)
    caught = hostile_repository.triggered()
    assert {"fsmonitor", "external-diff", "git-hook-pre-commit"} <= set(caught)
    assert any(name.startswith("filter-") for name in caught)


def test_submodules_by_ext_run_code_where_it_is_allowed(
    hostile_repository: HostileRepository, tmp_path: Path
) -> None:
    hostile_repository.add_submodules()
    tree = checkout(hostile_repository, tmp_path / "tree")
    update = ["submodule", "update", "--init", "modules/ext"]
    carelessly(*update, cwd=tree)
    assert hostile_repository.triggered() == []
    carelessly("-c", "protocol.ext.allow=always", *update, cwd=tree)
    assert hostile_repository.triggered() == ["submodule-ext"]


def test_a_large_file_is_small_in_the_repository(
    hostile_repository: HostileRepository,
) -> None:
    hostile_repository.add_large_file(size=50_000_001)
    size = git("cat-file", "-s", "main:large.bin", cwd=hostile_repository.path)
    stored = sum(f.stat().st_size for f in hostile_repository.path.rglob("*") if f.is_file())
    assert size == "50000001"
    assert stored < 1_000_000
