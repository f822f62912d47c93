"""Workspaces without a repository: work in them is seen, kept and put back as in any other."""

from __future__ import annotations

from pathlib import Path

from lemnos.adapters.git import GitCli
from tests.support.git_repos import git


async def test_it_is_an_empty_repository_with_one_commit(git_port: GitCli, tmp_path: Path):
    checkout = await git_port.empty(tmp_path / "ws" / "tree")

    assert [path.name for path in checkout.tree.iterdir()] == [".git"]
    assert git("status", "--porcelain", "--branch", cwd=checkout.tree).strip() == "## main"
    assert git("rev-parse", "HEAD", cwd=checkout.tree).strip() == checkout.base
    assert git("fsck", "--strict", cwd=checkout.tree).strip() == ""
    assert (await git_port.diff(checkout)).files == ()
    assert checkout.readonly == ()


async def test_what_an_agent_does_in_it_is_seen(git_port: GitCli, tmp_path: Path):
    checkout = await git_port.empty(tmp_path / "tree")
    (checkout.tree / "app.py").write_text("print(1)\n")
    git("add", "app.py", cwd=checkout.tree)
    git("commit", "--quiet", "--message=by the agent", cwd=checkout.tree)
    (checkout.tree / "notes.md").write_text("one\ntwo\n")

    diff = await git_port.diff(checkout)

    assert [(f.path, f.status, f.additions) for f in diff.files] == [
        ("app.py", "added", 1),
        ("notes.md", "added", 2),
    ]
    assert "+print(1)\n" in diff.text


async def test_its_content_can_be_put_back_elsewhere(git_port: GitCli, tmp_path: Path):
    checkout = await git_port.empty(tmp_path / "here" / "tree")
    (checkout.tree / "data.bin").write_bytes(bytes(range(256)))
    snapshot = await git_port.snapshot(checkout)

    elsewhere = await git_port.empty(tmp_path / "there" / "tree")
    await git_port.restore(elsewhere, snapshot)

    assert elsewhere.base == checkout.base
    assert (elsewhere.tree / "data.bin").read_bytes() == bytes(range(256))
    assert [f.path for f in (await git_port.diff(elsewhere)).files] == ["data.bin"]


async def test_an_interrupted_try_is_replaced(git_port: GitCli, tmp_path: Path):
    first = await git_port.empty(tmp_path / "tree")
    (first.tree / "half.txt").write_text("half\n")

    again = await git_port.empty(tmp_path / "tree")

    assert not (again.tree / "half.txt").exists()
    assert again == first
