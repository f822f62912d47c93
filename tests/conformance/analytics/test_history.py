"""Histories of real repositories, in every shape that they come in; hostile ones too."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lemnos.adapters.git.history import GitHistory
from lemnos.domains.analytics.changes import Changes
from lemnos.domains.analytics.ports import Author, Opened
from lemnos.domains.workspaces.ports import Checkout
from lemnos.kernel.errors import Invalid
from tests.support.analyses import commit, git
from tests.support.hostile import ODD_NAMES


@pytest.fixture
async def history() -> AsyncIterator[GitHistory]:
    reader = GitHistory()
    yield reader
    reader.close()


def anywhere(_: Path) -> bool:
    """Whoever runs the test may read everything."""
    return True


async def changes_of(history: GitHistory, opened: Opened, since: int = 0) -> Changes:
    """The whole history, added up."""
    changes = Changes()
    await history.log(opened.revision, since, changes.add)
    return changes


async def test_a_history_as_git_tells_it(history, tmp_path):
    repo = tmp_path / "repo"
    commit(repo, {"a.py": "1\n2\n3\n", "b.bin": b"\0\1"}, when="2026-01-01T00:00:00Z")
    git(repo, "mv", "a.py", "src.py")
    commit(repo, {"b.bin": b"\0\2"}, when="2026-01-02T00:00:00Z")
    last = commit(repo, {"src.py": "1\n2\n4\n5\n"}, when="2026-01-03T00:00:00Z")
    async with history.open(repo, anywhere) as opened:
        assert (opened.root, opened.prefix, opened.bare) == (repo, "", False)
        assert (opened.revision.commit, opened.revision.branch) == (last, "main")
        assert opened.committed_at == 1767398400 * 1_000_000
        assert not opened.shallow
        changes = await changes_of(history, opened)
        listing = await history.files(opened.revision)
        blobs = {entry.path: entry.blob for entry in listing.entries}
        content = await history.read(opened.revision, [blobs["src.py"]])
        recent = await changes_of(history, opened, since=1767312001 * 1_000_000)
    assert changes.commits == 3
    assert changes.files["src.py"].churn == 3 + 0 + 3
    assert changes.files["src.py"].revisions == 3
    assert changes.files["b.bin"].churn == 0
    assert changes.files["b.bin"].revisions == 2
    assert set(blobs) == {"src.py", "b.bin"}
    assert list(content.values()) == [b"1\n2\n4\n5\n"]
    assert recent.commits == 1
    assert not opened.revision.git_dir.exists()


async def test_merges_are_not_counted_and_people_are_as_the_mailmap_has_them(history, tmp_path):
    repo = tmp_path / "repo"
    commit(repo, {"a.py": "1\n", ".mailmap": "Real Name <real@x> <test@localhost>\n"})
    git(repo, "checkout", "--quiet", "-b", "side")
    commit(repo, {"side.py": "1\n"})
    git(repo, "checkout", "--quiet", "main")
    commit(repo, {"a.py": "2\n"})
    git(repo, "merge", "--quiet", "--no-ff", "-m", "merge", "side")
    (repo / ".mailmap").write_text("Somebody Else <else@x> <test@localhost>\n")  # not committed
    async with history.open(repo, anywhere) as opened:
        changes = await changes_of(history, opened)
    assert changes.commits == 3
    assert list(changes.files["side.py"].authors) == [Author("real@x", "Real Name")]


async def test_odd_names_are_told_whole(history, tmp_path):
    repo = tmp_path / "repo"
    commit(repo, dict.fromkeys(ODD_NAMES, "x\n"))
    (repo / os.fsdecode(b"bad\xff.txt")).write_text("x\n")
    commit(repo, {})
    async with history.open(repo, anywhere) as opened:
        changes = await changes_of(history, opened)
        listed = {entry.path for entry in (await history.files(opened.revision)).entries}
    assert set(changes.files) == {*ODD_NAMES, "bad\ufffd.txt"} == listed


async def test_a_folder_inside_a_repository(history, tmp_path):
    repo = tmp_path / "repo"
    commit(repo, {"src/deep/a.py": "1\n"})
    async with history.open(repo / "src" / "deep", anywhere) as opened:
        assert (opened.root, opened.prefix) == (repo, "src/deep/")


async def test_bare_worktree_detached_packed_and_shared(history, tmp_path):
    repo = tmp_path / "repo"
    first = commit(repo, {"a.py": "1\n"})
    last = commit(repo, {"a.py": "2\n"})
    git(tmp_path, "clone", "--quiet", "--bare", str(repo), "bare.git")
    git(tmp_path, "clone", "--quiet", "--shared", str(repo), "shared")
    git(repo, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"), first)
    git(repo, "pack-refs", "--all")
    for name, expected, branch in (
        ("repo", last, "main"),
        ("bare.git", last, "main"),
        ("shared", last, "main"),
        ("tree", first, ""),
    ):
        async with history.open(tmp_path / name, anywhere) as opened:
            assert (opened.revision.commit, opened.revision.branch) == (expected, branch), name
            assert opened.bare is (name == "bare.git")
            changes = await changes_of(history, opened)
        assert changes.commits == (1 if name == "tree" else 2), name


async def test_a_shallow_clone_says_so(history, tmp_path):
    repo = tmp_path / "repo"
    for number in range(3):
        commit(repo, {"a.py": f"{number}\n"})
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repo}", "shallow")
    async with history.open(tmp_path / "shallow", anywhere) as opened:
        assert opened.shallow
        assert (await changes_of(history, opened)).commits == 1


async def test_sha256(history, tmp_path):
    repo = tmp_path / "repo"
    repo.mkdir()
    git(repo, "init", "--quiet", "-b", "main", "--object-format=sha256")
    last = commit(repo, {"a.py": "1\n"})
    async with history.open(repo, anywhere) as opened:
        assert opened.revision.commit == last
        assert (await changes_of(history, opened)).commits == 1


async def test_the_checkout_of_a_task(history, tmp_path):
    repo = tmp_path / "repo"
    base = commit(repo, {"a.py": "1\n"})
    commit(repo, {"a.py": "2\n"})
    checkout = Checkout(repo, repo / ".git", base, "main")
    async with history.open_checkout(checkout) as opened:
        assert opened.revision.commit == base
        assert (await changes_of(history, opened)).commits == 1


async def _refusal(history: GitHistory, folder: Path, allowed=anywhere) -> Invalid:
    with pytest.raises(Invalid) as caught:
        async with history.open(folder, allowed):
            pass
    assert caught.value.fields["workspace"]
    return caught.value


async def test_what_is_no_repository_or_has_no_commit(history, tmp_path):
    (tmp_path / "plain").mkdir()
    git(tmp_path, "init", "--quiet", "empty")
    assert (await _refusal(history, tmp_path / "plain")).code == "not_a_repository"
    assert (await _refusal(history, tmp_path / "empty")).code == "empty_repository"


async def test_nothing_above_what_is_allowed_is_looked_at(history, tmp_path):
    repo = tmp_path / "repo"
    commit(repo, {"inner/a.py": "1\n"})
    inner = repo / "inner"
    refused = await _refusal(history, inner, lambda path: path.is_relative_to(inner))
    assert refused.code == "not_a_repository"


@pytest.mark.parametrize("way", ["pointer", "link", "alternates", "commondir", "objects"])
async def test_no_way_leads_to_another_repository(history, tmp_path, way):
    """A tree that is allowed must not show one that is not."""
    secret, tree = tmp_path / "secret", tmp_path / "tree"
    commit(secret, {"a.py": "1\n"})
    if way in ("pointer", "link"):
        tree.mkdir()
        if way == "link":
            (tree / ".git").symlink_to(secret / ".git")
        else:
            (tree / ".git").write_text(f"gitdir: {secret}/.git\n")
    else:
        commit(tree, {"b.py": "1\n"})
        objects = tree / ".git" / "objects"
        if way == "alternates":
            (objects / "info" / "alternates").write_text(f"{secret}/.git/objects\n")
        elif way == "commondir":
            (tree / ".git" / "commondir").write_text(f"{secret}/.git\n")
        else:
            objects.rename(tmp_path / "old")
            objects.symlink_to(secret / ".git" / "objects")
    refused = await _refusal(history, tree, lambda path: path.is_relative_to(tree))
    assert refused.code == "path_not_allowed"
    async with history.open(secret, anywhere):
        pass


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("HEAD", "nonsense\n"),
        ("HEAD", "ref: refs/heads/../../../secret\n"),
        ("HEAD", "ref: HEAD\n"),
        ("HEAD", "f" * 40 + "\n"),
        ("HEAD", "x" * 100_000),
        ("shallow", "root:x:0:0\n"),
        ("objects/info/alternates", '"quoted"\n'),
    ],
)
async def test_what_cannot_be_read_is_said(history, tmp_path, file, content):
    repo = tmp_path / "repo"
    commit(repo, {"a.py": "1\n"})
    (repo / ".git" / file).write_text(content)
    refused = await _refusal(history, repo)
    assert refused.code == "repository_unreadable"
    assert "root:x" not in refused.message


async def test_a_repository_without_its_objects(history, tmp_path):
    """As a partial clone may be: what is missing is not fetched."""
    repo = tmp_path / "repo"
    commit(repo, {"a.py": "1\n"})
    blob = git(repo, "rev-parse", "HEAD:a.py").strip()
    (repo / ".git/objects" / blob[:2] / blob[2:]).unlink()
    async with history.open(repo, anywhere) as opened:
        with pytest.raises(Invalid) as caught:
            await changes_of(history, opened)
    assert caught.value.code == "repository_unreadable"


async def test_a_hostile_configuration_runs_nothing(history, tmp_path):
    """The traps are real: git itself falls into one of them first."""
    repo, mark = tmp_path / "repo", tmp_path / "mark"
    commit(repo, {"a.py": "1\n", ".gitattributes": "*.py diff=trap filter=trap\n"})
    commit(repo, {"a.py": "2\n"})
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {mark}\nexit 1\n")
    trap.chmod(0o755)
    for key, value in (
        ("core.fsmonitor", trap),
        ("core.sshCommand", trap),
        ("core.alternateRefsCommand", trap),
        ("core.pager", trap),
        ("diff.external", trap),
        ("diff.trap.textconv", trap),
        ("diff.trap.command", trap),
        ("filter.trap.smudge", trap),
        ("filter.trap.clean", trap),
        ("gpg.program", trap),
        ("log.showSignature", "true"),
        ("core.hooksPath", tmp_path),
        ("uploadpack.packObjectsHook", trap),
    ):
        git(repo, "config", key, str(value))
    bare_git = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    shown = ["git", "log", "-p", "--ext-diff"]
    subprocess.run(shown, cwd=repo, env=bare_git, capture_output=True, check=False)
    assert mark.exists(), "the traps do not work, so this test says nothing"
    mark.unlink()
    async with history.open(repo, anywhere) as opened:
        changes = await changes_of(history, opened)
        await history.files(opened.revision)
    assert changes.commits == 2
    assert not mark.exists()
