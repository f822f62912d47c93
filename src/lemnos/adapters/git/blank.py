"""Workspaces that start from nothing: one empty commit, the same wherever and whenever made.

Its id depends on nothing but git's object format, so that a snapshot taken on one node can be put
back on another.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from lemnos.adapters.git.command import GitCommands, Place
from lemnos.adapters.git.gitdir import author_config, write_git_dir
from lemnos.domains.workspaces.ports import Checkout

BRANCH = "main"
_NO_COMMIT = "0" * 40  # tells the object format: SHA-1
_LONG_AGO = "2000-01-01T00:00:00+0000"
_IDENTITY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Lemnos"), ("EMAIL", "lemnos@localhost"), ("DATE", _LONG_AGO))
}


async def blank(git: GitCommands, into: Path, git_dir: Path) -> Checkout:
    """A work tree without files at ``into``, on a git directory of ours with the empty commit."""
    await asyncio.to_thread(write_git_dir, git_dir, commit=_NO_COMMIT, head="lemnos")
    await asyncio.to_thread(into.mkdir, mode=0o700, parents=True)
    at = Place(git_dir)
    # git knows the empty tree without being told, but its own fsck wants to see the object.
    tree = await git.run("hash-object", "-t", "tree", "-w", "--stdin", at=at)
    made = await git.run(
        *("commit-tree", tree.decode().strip(), "-F", "-"),
        at=at,
        stdin=b"Nothing yet\n",
        extra=_IDENTITY,
    )
    return Checkout(into, git_dir, made.decode().strip(), BRANCH)


def give_repository(checkout: Checkout, author: tuple[str, str]) -> None:
    """The agent's own repository, with a copy of the objects that there are."""
    path = checkout.tree / ".git"
    write_git_dir(
        path,
        commit=checkout.base,
        head=BRANCH,
        bare=False,
        refs={f"refs/heads/{BRANCH}": checkout.base},
        config=author_config(author),
    )
    shutil.copytree(checkout.git_dir / "objects", path / "objects", dirs_exist_ok=True)
    shutil.copy2(checkout.git_dir / "index", path / "index")
