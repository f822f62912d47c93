"""Pushes: one commit of ours with the tree's content, repeatable, never over others' work."""

from __future__ import annotations

from pathlib import Path

import pytest

from lemnos.adapters.git import Author, GitCli
from lemnos.adapters.net import NetGuard
from lemnos.domains.workspaces.ports import Checkout
from lemnos.kernel.errors import Conflict, Invalid
from tests.conformance.git.conftest import Host
from tests.support.git_repos import commit, git


@pytest.fixture
async def checkout(host: Host, git_port: GitCli, tmp_path: Path) -> Checkout:
    made = await git_port.checkout(host.remote(), tmp_path / "ws" / "tree")
    (made.tree / "new.txt").write_text("new\n")
    return made


async def test_one_commit_on_the_base(host: Host, git_port: GitCli, checkout: Checkout):
    git("add", "-A", cwd=checkout.tree)
    git("commit", "--quiet", "--message=the agent's words", cwd=checkout.tree)
    (checkout.tree / "README.md").write_text("and more\n")

    pushed = await git_port.push(checkout, host.remote(), "codeforge/task-1", "Fix it\n\nBecause.")

    assert git("rev-parse", "codeforge/task-1", cwd=host.bare) == pushed.commit
    assert git("rev-parse", f"{pushed.commit}^", cwd=host.bare) == checkout.base
    described = git("show", "-s", "--format=%an <%ae>|%s|%b", pushed.commit, cwd=host.bare)
    assert described.strip() == "Lemnos <lemnos@localhost>|Fix it|Because."
    assert git("show", f"{pushed.commit}:README.md", cwd=host.bare) == "and more"
    assert git("show", f"{pushed.commit}:new.txt", cwd=host.bare) == "new"


async def test_repeating_pushes_nothing_new(host: Host, git_port: GitCli, checkout: Checkout):
    first = await git_port.push(checkout, host.remote(), "topic", "m")
    again = await git_port.push(checkout, host.remote(), "topic", "m")
    expecting = await git_port.push(checkout, host.remote(), "topic", "m", expected=first.commit)

    assert first == again == expecting


async def test_repeating_works_when_our_own_memory_is_lost(
    host: Host, git_port: GitCli, checkout: Checkout, tmp_path: Path
):
    first = await git_port.push(checkout, host.remote(), "topic", "m")
    other = GitCli(tmp_path / "other-mirrors", NetGuard(["127.0.0.1"], [tmp_path / "hosted"]))
    fresh = await other.checkout(host.remote(), tmp_path / "again", "main", commit=checkout.base)
    await other.restore(fresh, await git_port.snapshot(checkout))

    assert await other.push(fresh, host.remote(), "topic", "m") == first
    other.close()


async def test_a_branch_with_other_content_is_a_conflict(
    host: Host, git_port: GitCli, checkout: Checkout
):
    git("branch", "topic", cwd=host.bare)
    theirs = commit(host.bare, {"theirs.txt": "1\n"}, branch="topic")

    with pytest.raises(Conflict) as conflict:
        await git_port.push(checkout, host.remote(), "topic", "m")

    assert conflict.value.code == "branch_exists"
    assert git("rev-parse", "topic", cwd=host.bare) == theirs


async def test_a_follow_up_builds_on_what_was_pushed(
    host: Host, git_port: GitCli, checkout: Checkout
):
    first = await git_port.push(checkout, host.remote(), "topic", "first")
    (checkout.tree / "more.txt").write_text("more\n")
    with pytest.raises(Conflict):
        await git_port.push(checkout, host.remote(), "topic", "second")

    second = await git_port.push(checkout, host.remote(), "topic", "second", expected=first.commit)
    repeated = await git_port.push(
        checkout, host.remote(), "topic", "second", expected=first.commit
    )

    assert second == repeated
    assert git("rev-parse", "topic^", cwd=host.bare) == first.commit
    assert git("log", "--format=%s", "main..topic", cwd=host.bare).split() == ["second", "first"]


async def test_a_follow_up_from_a_fresh_workspace(
    host: Host, git_port: GitCli, checkout: Checkout, tmp_path: Path
):
    first = await git_port.push(checkout, host.remote(), "topic", "first")
    fresh = await git_port.checkout(host.remote(), tmp_path / "x", "main", commit=checkout.base)
    (fresh.tree / "more.txt").write_text("more\n")

    second = await git_port.push(fresh, host.remote(), "topic", "second", expected=first.commit)

    assert git("rev-parse", f"{second.commit}^", cwd=host.bare) == first.commit


async def test_a_follow_up_does_not_run_over_others(
    host: Host, git_port: GitCli, checkout: Checkout
):
    first = await git_port.push(checkout, host.remote(), "topic", "first")
    theirs = commit(host.bare, {"review.txt": "a person's fix\n"}, branch="topic")
    (checkout.tree / "more.txt").write_text("more\n")

    with pytest.raises(Conflict) as conflict:
        await git_port.push(checkout, host.remote(), "topic", "second", expected=first.commit)

    assert conflict.value.code == "branch_exists"
    assert git("rev-parse", "topic", cwd=host.bare) == theirs


async def test_a_branch_that_was_deleted_comes_back(
    host: Host, git_port: GitCli, checkout: Checkout
):
    first = await git_port.push(checkout, host.remote(), "topic", "first")
    git("update-ref", "-d", "refs/heads/topic", cwd=host.bare)

    again = await git_port.push(checkout, host.remote(), "topic", "m", expected=first.commit)

    assert git("rev-parse", "topic", cwd=host.bare) == again.commit


async def test_nothing_to_push(host: Host, git_port: GitCli, checkout: Checkout):
    (checkout.tree / "new.txt").unlink()

    with pytest.raises(Conflict) as conflict:
        await git_port.push(checkout, host.remote(), "topic", "m")

    assert conflict.value.code == "no_changes"


@pytest.mark.parametrize("branch", ["", "a..b", "-x", "a b", "x.lock", "a\nb"])
async def test_bad_branch_names(host: Host, git_port: GitCli, checkout: Checkout, branch: str):
    with pytest.raises(Invalid):
        await git_port.push(checkout, host.remote(), branch, "m")


async def test_the_author_is_configurable(host: Host, checkout: Checkout, tmp_path: Path):
    guard = NetGuard(["127.0.0.1"], [tmp_path / "hosted"])
    port = GitCli(tmp_path / "mirrors", guard, author=Author("Ada", "ada@example.org"))
    pushed = await port.push(checkout, host.remote(), "topic", "m")

    by = git("show", "-s", "--format=%an %ae %cn", pushed.commit, cwd=host.bare)
    assert by == "Ada ada@example.org Ada"
    port.close()


@pytest.mark.parametrize("host", ["path", "file"], indirect=True)
async def test_hooks_of_a_local_remote_do_not_run(
    host: Host, git_port: GitCli, checkout: Checkout, tmp_path: Path
):
    """Whoever may name a local path may also have written to it, as agents do."""
    mark = tmp_path / "ran"
    for name in ("pre-receive", "post-receive", "update", "reference-transaction"):
        hook = host.bare / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
        hook.chmod(0o755)

    await git_port.push(checkout, host.remote(), "topic", "m")

    assert not mark.exists()
