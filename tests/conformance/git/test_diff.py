"""Diffs: everything that the work tree holds against its base, and nothing from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lemnos.adapters.git import GitCli
from lemnos.domains.workspaces.ports import Checkout, Diff, FileChange, Remote
from tests.conformance.git.conftest import FILES
from tests.support.git_http import GitServer
from tests.support.git_repos import git


@pytest.fixture
async def checkout(git_port: GitCli, server: GitServer, tmp_path: Path) -> Checkout:
    bare = server.create("acme/shop", FILES)
    return await git_port.checkout(Remote(str(bare)), tmp_path / "ws" / "tree")


@pytest.fixture
def changed(git_port: GitCli, checkout: Checkout) -> Callable[[], Awaitable[Diff]]:
    return lambda: git_port.diff(checkout)


def by_path(diff: Diff) -> dict[str, FileChange]:
    return {change.path: change for change in diff.files}


async def test_commits_staged_unstaged_and_new_files_all_count(checkout: Checkout, changed):
    tree = checkout.tree
    (tree / "README.md").write_text("hello\ncommitted\n")
    git("commit", "-qam", "one", cwd=tree)
    (tree / "README.md").write_text("hello\ncommitted\nstaged\n")
    git("add", "README.md", cwd=tree)
    (tree / "README.md").write_text("hello\ncommitted\nstaged\nunstaged\n")
    (tree / "new.txt").write_text("a\nb\nc\n")

    diff = await changed()

    assert by_path(diff) == {
        "README.md": FileChange("README.md", "modified", 3, 0),
        "new.txt": FileChange("new.txt", "added", 3, 0),
    }
    assert (diff.additions, diff.deletions, diff.truncated) == (6, 0, False)
    assert "+unstaged\n" in diff.text


async def test_renames_deletions_modes_binaries_and_types(checkout: Checkout, changed):
    src = checkout.tree / "src"
    (src / "old name.txt").rename(src / "new\nname.txt")
    (checkout.tree / "README.md").unlink()
    (src / "app.py").chmod(0o755)
    (src / "data.bin").unlink()
    (src / "data.bin").symlink_to("/etc/passwd")
    (src / "more.bin").write_bytes(b"\0" * 100)

    diff = await changed()

    assert (
        by_path(diff)
        == {
            "src/new\nname.txt": FileChange(
                "src/new\nname.txt", "renamed", 0, 0, old_path="src/old name.txt"
            ),
            "README.md": FileChange("README.md", "deleted", 0, 1),
            "src/app.py": FileChange("src/app.py", "modified", 0, 0),
            "src/data.bin": FileChange("src/data.bin", "type_changed", 0, 0, binary=True),
            "src/more.bin": FileChange("src/more.bin", "added", 0, 0, binary=True),
        }
        or by_path(diff)["src/data.bin"].binary
    )
    assert "root:" not in diff.text


async def test_repeating_gives_the_same_and_undoing_gives_nothing(checkout: Checkout, changed):
    (checkout.tree / "new.txt").write_text("a\n")
    (checkout.tree / "README.md").write_text("other\n")
    assert await changed() == await changed()

    (checkout.tree / "new.txt").unlink()
    git("checkout", "--quiet", "README.md", cwd=checkout.tree)
    assert (await changed()).files == ()


async def test_the_agent_may_lose_or_break_its_own_repository(checkout: Checkout, changed):
    (checkout.tree / "new.txt").write_text("a\n")
    (checkout.tree / ".git" / "index").write_bytes(b"garbage")
    (checkout.tree / ".git" / "HEAD").unlink()

    assert list(by_path(await changed())) == ["new.txt"]


async def test_nested_repositories_are_shown_as_files(checkout: Checkout, changed):
    nested = checkout.tree / "vendor" / "lib"
    nested.mkdir(parents=True)
    git("init", "--quiet", nested)
    (nested / "code.py").write_text("x = 1\n")
    git("add", "-A", cwd=nested)
    git("commit", "--quiet", "--message=hidden", cwd=nested)
    git("init", "--quiet", nested / "deeper")
    (nested / "deeper" / "d.py").write_text("y = 2\n")
    git("init", "--quiet", checkout.tree / "src")  # around files that are tracked
    (checkout.tree / "src" / "app.py").write_text("changed\n")
    (checkout.tree / "src" / "extra.py").write_text("z = 3\n")

    assert sorted(by_path(await changed())) == [
        "src/app.py",
        "src/extra.py",
        "vendor/lib/code.py",
        "vendor/lib/deeper/d.py",
    ]


async def test_a_dot_git_file_that_points_elsewhere_is_not_followed(
    checkout: Checkout, changed, tmp_path: Path
):
    other = tmp_path / "other-tenant"
    git("init", "--quiet", other)
    (other / "secret.txt").write_text("secret\n")
    git("add", "-A", cwd=other)
    git("commit", "--quiet", "--message=theirs", cwd=other)
    trap = checkout.tree / "trap"
    trap.mkdir()
    (trap / ".git").write_text(f"gitdir: {other / '.git'}\n")
    (trap / "mine.txt").write_text("mine\n")

    diff = await changed()

    assert list(by_path(diff)) == ["trap/mine.txt"]
    assert git("rev-parse", "HEAD", cwd=other) not in diff.text


async def test_folders_swapped_for_symlinks_are_not_followed(
    checkout: Checkout, changed, tmp_path: Path
):
    outside = tmp_path / "outside"
    (checkout.tree / "src").rename(outside)
    (outside / "app.py").write_text("not ours\n")
    (checkout.tree / "src").symlink_to(outside)

    diff = await changed()

    assert by_path(diff)["src"].status == "added"
    assert by_path(diff)["src/app.py"].status == "deleted"
    assert "not ours" not in diff.text


async def test_files_become_folders_and_folders_files(checkout: Checkout, changed):
    (checkout.tree / "README.md").unlink()
    (checkout.tree / "README.md").mkdir()
    (checkout.tree / "README.md" / "inner.txt").write_text("1\n")
    for path in (checkout.tree / "src").iterdir():
        path.unlink()
    (checkout.tree / "src").rmdir()
    (checkout.tree / "src").write_text("now a file\n")

    statuses = {path: change.status for path, change in by_path(await changed()).items()}

    assert statuses["README.md"] == "deleted"
    assert statuses["README.md/inner.txt"] == "added"
    assert statuses["src"] == "added"
    assert statuses["src/app.py"] == "deleted"


async def test_attributes_of_the_tree_hide_nothing(checkout: Checkout, changed):
    (checkout.tree / ".gitattributes").write_text("*.md -diff\n* binary\n")
    (checkout.tree / "README.md").write_text("a change in plain sight\n")

    diff = await changed()

    assert by_path(diff)["README.md"].additions == 1
    assert "+a change in plain sight" in diff.text


async def test_ignored_files_stay_out_even_if_ignored_later(checkout: Checkout, changed):
    (checkout.tree / "build.log").write_text("noise\n")
    assert "build.log" in by_path(await changed())
    (checkout.tree / ".gitignore").write_text("*.log\n")
    (checkout.tree / ".git" / "info" / "exclude").write_text("hidden.txt\n")
    (checkout.tree / "hidden.txt").write_text("the agent's own excludes count for nothing\n")

    assert sorted(by_path(await changed())) == [".gitignore", "hidden.txt"]


async def test_text_is_cut_at_a_line_but_the_list_is_whole(git_port: GitCli, checkout: Checkout):
    (checkout.tree / "long.txt").write_text("0123456789\n" * 10_000)
    (checkout.tree / "zz.txt").write_text("last\n")

    diff = await git_port.diff(checkout, max_bytes=1000)

    assert diff.truncated
    assert 900 < len(diff.text.encode()) <= 1000
    assert diff.text.endswith("+0123456789\n")
    assert (len(diff.files), diff.additions) == (2, 10_001)


async def test_pipes_and_sockets_are_passed_over(checkout: Checkout, changed):
    os.mkfifo(checkout.tree / "pipe")
    (checkout.tree / "README.md").unlink()
    os.mkfifo(checkout.tree / "README.md")

    assert {p: c.status for p, c in by_path(await changed()).items()} == {"README.md": "deleted"}


async def test_what_git_does_not_store_is_reported(checkout: Checkout, changed):
    (checkout.tree / "x" / ".GIT").mkdir(parents=True)
    (checkout.tree / "x" / ".GIT" / "config").write_text("[core]\n")

    diff = await changed()

    assert diff.files == ()
    assert any("x/.GIT/config" in note for note in diff.notes)


async def test_names_that_are_not_utf8_are_shown(checkout: Checkout, changed):
    (Path(str(checkout.tree)) / "caf\udce9.txt").write_text("1\n")

    assert list(by_path(await changed())) == ["caf�.txt"]


async def test_a_snapshot_brings_everything_into_a_fresh_checkout(
    git_port: GitCli, checkout: Checkout, tmp_path: Path
):
    (checkout.tree / "src/app.py").write_text("changed\n")
    (checkout.tree / "bin").write_bytes(bytes(range(256)) * 100)
    (checkout.tree / "link").symlink_to("README.md")
    (checkout.tree / "run.sh").write_text("#!/bin/sh\n")
    (checkout.tree / "run.sh").chmod(0o755)
    (checkout.tree / "README.md").unlink()
    expected = await git_port.diff(checkout)
    snapshot = await git_port.snapshot(checkout)

    url = git("config", "remote.origin.url", cwd=checkout.tree)
    fresh = await git_port.checkout(Remote(url), tmp_path / "fresh", commit=checkout.base)
    await git_port.restore(fresh, snapshot)

    assert await git_port.diff(fresh) == expected
    assert (fresh.tree / "bin").read_bytes() == bytes(range(256)) * 100
    assert (fresh.tree / "run.sh").stat().st_mode & 0o111
    assert "D README.md" in git("status", "--porcelain", cwd=fresh.tree)


async def test_an_empty_snapshot(git_port: GitCli, checkout: Checkout):
    snapshot = await git_port.snapshot(checkout)
    await git_port.restore(checkout, snapshot)

    assert (await git_port.diff(checkout)).files == ()
