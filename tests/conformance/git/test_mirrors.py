"""Mirrors go when nobody needs them any more, and not before."""

from __future__ import annotations

import os
import time
from pathlib import Path

from lemnos.adapters.git import GitCli
from tests.conformance.git.conftest import Host

WEEK = 7 * 86_400


def age(mirrors: Path) -> None:
    long_ago = time.time() - 2 * WEEK
    for mirror in mirrors.glob("*.git"):
        os.utime(mirror, (long_ago, long_ago))


async def test_a_mirror_in_use_stays(host: Host, git_port: GitCli, tmp_path: Path) -> None:
    checkout = await git_port.checkout(host.remote(), tmp_path / "work" / "tree")
    age(tmp_path / "mirrors")
    assert await git_port.drop_mirrors(checkout.readonly, WEEK) == 0
    assert (await git_port.diff(checkout)).files == ()


async def test_a_mirror_used_lately_stays(host: Host, git_port: GitCli, tmp_path: Path) -> None:
    first = await git_port.checkout(host.remote(), tmp_path / "work" / "first")
    age(tmp_path / "mirrors")
    await git_port.checkout(host.remote(), tmp_path / "work" / "second")
    assert await git_port.drop_mirrors((), WEEK) == 0
    assert all(path.is_dir() for path in first.readonly)


async def test_an_unused_mirror_goes_and_is_made_again(
    host: Host, git_port: GitCli, tmp_path: Path
) -> None:
    await git_port.checkout(host.remote(), tmp_path / "work" / "first")
    age(tmp_path / "mirrors")
    assert await git_port.drop_mirrors((), WEEK) == 1
    assert not list((tmp_path / "mirrors").glob("*.git"))
    again = await git_port.checkout(host.remote(), tmp_path / "work" / "again")
    assert (again.tree / "README.md").read_text() == "hello\n"
