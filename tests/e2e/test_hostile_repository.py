"""Hostile repositories and hostile agents against real git: all contained, all shown.

What stands here is the git adapter's part: checkout, diff, snapshot and push on the host.
"""

from __future__ import annotations

import asyncio
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lemnos.adapters.git import GitCli
from lemnos.adapters.net import NetGuard
from lemnos.domains.workspaces.ports import Checkout, Remote
from lemnos.kernel.errors import Invalid
from tests.support.git_repos import create_bare, git
from tests.support.hostile import ODD_NAMES, SECRET_TEXT, HostileRepository

MEGABYTE = 1 << 20


@pytest.fixture
def git_port(tmp_path: Path) -> Iterator[GitCli]:
    port = GitCli(tmp_path / "data" / "mirrors", NetGuard([], [tmp_path / "repos"]))
    yield port
    port.close()


@pytest.fixture
def attack(tmp_path: Path) -> HostileRepository:
    (tmp_path / "repos").mkdir()
    return HostileRepository(tmp_path / "repos" / "evil.git")


@pytest.fixture
async def checkout(git_port: GitCli, attack: HostileRepository, tmp_path: Path) -> Checkout:
    attack.add_all()
    return await git_port.checkout(Remote(str(attack.path)), tmp_path / "data" / "ws" / "tree")


async def test_nothing_of_the_repository_or_the_agent_runs(
    git_port: GitCli, attack: HostileRepository, checkout: Checkout, tmp_path: Path
):
    attack.poison_checkout(checkout.tree)
    (checkout.tree / "changed.txt").write_text("by the agent\n")
    (checkout.tree / "README.md").write_text("by the agent\n")

    diff = await git_port.diff(checkout)
    snapshot = await git_port.snapshot(checkout)
    pushed = await git_port.push(checkout, Remote(str(attack.path)), "topic", "m")
    fresh = await git_port.checkout(Remote(str(attack.path)), tmp_path / "data" / "w2" / "tree")
    await git_port.restore(fresh, snapshot)

    assert attack.triggered() == []
    assert sorted(f.path for f in diff.files) == ["README.md", "changed.txt"]
    assert git("show", f"{pushed.commit}:README.md", cwd=attack.path) == "by the agent"


async def test_symlinks_stay_links_and_show_no_foreign_content(
    git_port: GitCli, attack: HostileRepository, checkout: Checkout
):
    (checkout.tree / "more").symlink_to(attack.secret)
    (checkout.tree / "folder").symlink_to(attack.secret.parent)
    (checkout.tree / "links" / "absolute").unlink()
    (checkout.tree / "links" / "absolute").symlink_to("/etc/shadow")

    diff = await git_port.diff(checkout)
    await git_port.push(checkout, Remote(str(attack.path)), "topic", "m")

    assert SECRET_TEXT not in diff.text
    assert sorted(f.path for f in diff.files) == ["folder", "links/absolute", "more"]
    assert git("show", "topic:more", cwd=attack.path) == str(attack.secret)


async def test_submodules_are_not_fetched_and_what_is_in_them_is_reported(
    git_port: GitCli, checkout: Checkout
):
    assert os.listdir(checkout.tree / "modules" / "ext") == []
    (checkout.tree / "modules" / "ext" / "file.txt").write_text("lost otherwise\n")
    trap = checkout.tree / "modules" / "local"
    git("init", "--quiet", trap)
    git("commit", "--quiet", "--allow-empty", "--message=x", cwd=trap)

    diff = await git_port.diff(checkout)

    assert diff.files == ()
    assert sorted(note.partition(":")[0] for note in diff.notes) == ["modules/ext", "modules/local"]


async def test_removing_a_submodule_is_a_change_like_any_other(
    git_port: GitCli, attack: HostileRepository, checkout: Checkout, tmp_path: Path
):
    (checkout.tree / "modules" / "ext").rmdir()
    snapshot = await git_port.snapshot(checkout)
    fresh = await git_port.checkout(Remote(str(attack.path)), tmp_path / "data" / "w2" / "tree")
    await git_port.restore(fresh, snapshot)

    for tree in (checkout, fresh):
        (change,) = (await git_port.diff(tree)).files
        assert (change.path, change.status) == ("modules/ext", "deleted")


async def test_tracked_agent_settings_are_pushed_as_they_were(
    git_port: GitCli, attack: HostileRepository, checkout: Checkout
):
    (checkout.tree / "done.txt").write_text("1\n")
    await git_port.push(checkout, Remote(str(attack.path)), "topic", "m")

    changed = git("diff", "--name-only", "main", "topic", cwd=attack.path)
    assert changed.splitlines() == ["done.txt"]


async def test_odd_names_arrive_whole(git_port: GitCli, checkout: Checkout):
    for name in ODD_NAMES:
        (checkout.tree / "odd" / name).write_text("changed\n")
    (checkout.tree / "-n --exec=touch pwned").write_text("1\n")

    diff = await git_port.diff(checkout)

    expected = {f"odd/{name}" for name in ODD_NAMES} | {"-n --exec=touch pwned"}
    assert {f.path for f in diff.files} == expected
    assert not (checkout.tree / "pwned").exists()


async def test_an_agent_that_swaps_folders_for_symlinks_shows_nothing_of_the_server(
    git_port: GitCli, checkout: Checkout, tmp_path: Path
):
    """The race that no check in git can win: only the jail has nothing to show."""
    outside = tmp_path / "server-data"
    outside.mkdir()
    real, link = checkout.tree / "swap", checkout.tree / "spare"
    real.mkdir()
    for n in range(40):
        (outside / f"{n}.txt").write_text(f"{SECRET_TEXT} {n}\n")
        (real / f"{n}.txt").write_text(f"harmless {n}\n")
    stop = threading.Event()

    def swap() -> None:
        aside = checkout.tree / "aside"
        link.symlink_to(outside)
        while not stop.is_set():
            real.rename(aside)
            link.rename(real)
            real.rename(link)
            aside.rename(real)

    folder = os.open(real, os.O_DIRECTORY)  # the real one, wherever it is at the moment
    agent = threading.Thread(target=swap)
    agent.start()
    try:
        for turn in range(10):
            for n in range(40):
                _write_at(folder, f"{n}.txt", f"harmless {turn}\n")
            assert SECRET_TEXT not in (await git_port.diff(checkout)).text
    finally:
        stop.set()
        agent.join()
        os.close(folder)


def _write_at(folder: int, name: str, text: str) -> None:
    with open(os.open(name, os.O_WRONLY | os.O_CREAT, dir_fd=folder), "w") as file:
        file.write(text)


async def test_a_repository_that_an_agent_wrote_is_no_remote(git_port: GitCli, tmp_path: Path):
    """The workspaces and mirrors are in the data folder, which callers may otherwise name."""
    create_bare(tmp_path / "data" / "mirrors" / "own.git", {"a": "1\n"})
    port = GitCli(tmp_path / "data" / "mirrors", NetGuard([], [tmp_path / "data"]))
    with pytest.raises(Invalid) as refused:
        await port.checkout(Remote(str(tmp_path / "data/mirrors/own.git")), tmp_path / "x")
    assert "repo_url" in refused.value.fields
    port.close()


@pytest.mark.slow
async def test_a_file_of_a_gigabyte_takes_no_memory(
    git_port: GitCli, attack: HostileRepository, tmp_path: Path
):
    attack.add_large_file(1 << 30)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    checkout = await git_port.checkout(Remote(str(attack.path)), tmp_path / "data" / "big" / "tree")
    assert (checkout.tree / "large.bin").stat().st_size == 1 << 30
    with (checkout.tree / "made.bin").open("wb") as made:
        made.truncate(1 << 30)
    (checkout.tree / "large.bin").unlink()
    (checkout.tree / ".gitattributes").write_text("* text=auto\n")

    diff = await git_port.diff(checkout)

    kinds = {f.path: (f.status, f.binary) for f in diff.files}
    assert kinds.pop(".gitattributes") == ("added", False)
    assert kinds in (
        {"made.bin": ("added", True), "large.bin": ("deleted", True)},
        {"made.bin": ("renamed", False)},  # the same zeros: an exact rename
        {"made.bin": ("renamed", True)},
    )
    assert len(diff.text) < MEGABYTE
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert peak <= max(before, 256 * 1024)  # KiB, of the largest of all processes


async def test_cancelling_a_diff_leaves_the_workspace_usable(git_port: GitCli, checkout: Checkout):
    with (checkout.tree / "made.bin").open("wb") as made:
        made.truncate(256 * MEGABYTE)
    job = asyncio.create_task(git_port.diff(checkout))
    index_lock = checkout.git_dir / "index.lock"
    while not index_lock.exists() and not job.done():  # noqa: ASYNC110 - git makes the file
        await asyncio.sleep(0)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job

    (checkout.tree / "made.bin").unlink()
    assert (await git_port.diff(checkout)).files == ()
