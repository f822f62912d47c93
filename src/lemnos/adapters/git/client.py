"""The git port on the git command line: see docs/adr/0003-git-trust-boundary.md."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from lemnos.adapters.git.blank import blank, give_repository
from lemnos.adapters.git.changes import compare
from lemnos.adapters.git.command import GitCommands, Place, Timeouts
from lemnos.adapters.git.errors import empty_repository
from lemnos.adapters.git.gitdir import remote_config, write_git_dir
from lemnos.adapters.git.jail import Jail
from lemnos.adapters.git.locks import clear_leftovers, locked
from lemnos.adapters.git.mirrors import Mirrors, Start
from lemnos.adapters.git.process import ProcessRunner
from lemnos.adapters.git.publish import Author, Publication, Publisher
from lemnos.adapters.git.remotes import Remotes
from lemnos.adapters.git.snapshots import pack, unpack
from lemnos.adapters.git.staging import fill, place_of, protect_submodules, stage
from lemnos.adapters.net import NetGuard
from lemnos.domains.workspaces.ports import Checkout, Diff, Pushed, Remote
from lemnos.kernel.errors import Conflict, NotFound

_SNAPSHOT_LIMIT = 256 << 20  # bytes
_TRIES = 4  # to put a tree back


class GitCli:
    """Implements ``lemnos.domains.workspaces.ports.Git``.

    ``cache_dir`` holds the mirrors and is shared by all processes of a machine. ``author`` signs
    the commits that are pushed. ``confine`` puts git into a bubblewrap jail whenever it reads a
    tree that an agent can write.
    """

    def __init__(
        self,
        cache_dir: Path,
        guard: NetGuard,
        *,
        author: Author | None = None,
        timeouts: Timeouts | None = None,
        snapshot_limit: int = _SNAPSHOT_LIMIT,
        confine: bool = True,
    ) -> None:
        cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        cache = cache_dir.resolve()
        self._author = author or Author()
        self._snapshot_limit = snapshot_limit
        self._runner = ProcessRunner()
        self._git = GitCommands(self._runner, Jail(confine), timeouts or Timeouts())
        self._remotes = Remotes(self._git, guard, cache)
        self._mirrors = Mirrors(self._git, cache)
        self._publisher = Publisher(self._git, self._author)

    async def checkout(
        self, remote: Remote, into: Path, branch: str = "", *, commit: str = ""
    ) -> Checkout:
        """Make a workspace at ``into``; our git directory is its sibling ``<name>.git``.

        The agent's tree has a ``.git`` of its own, which borrows objects from the mirror: the
        sandbox has to show it the paths in ``Checkout.readonly``, at the same place.
        """
        access, refs = await self._remotes.open(remote)
        start = await self._mirrors.start(remote, access, refs, branch, commit)
        into = _absolute(into)
        git_dir = into.with_name(f"{into.name}.git")
        await asyncio.to_thread(_remove, into, git_dir)
        await asyncio.to_thread(_prepare, into, git_dir, start)
        checkout = Checkout(into, git_dir, start.commit, start.branch, (start.mirror.objects,))
        await fill(self._git, checkout)
        await self._give_repository(checkout, start, access.url)
        await protect_submodules(self._git, checkout)
        return checkout

    async def empty(self, into: Path) -> Checkout:
        """A workspace without files at ``into``; our git directory is its sibling too."""
        into = _absolute(into)
        git_dir = into.with_name(f"{into.name}.git")
        await asyncio.to_thread(_remove, into, git_dir)
        checkout = await blank(self._git, into, git_dir)
        await fill(self._git, checkout)
        author = (self._author.name, self._author.email)
        await asyncio.to_thread(give_repository, checkout, author)
        return checkout

    async def diff(self, checkout: Checkout, *, max_bytes: int = 1_000_000) -> Diff:
        """All changes against the base. ``notes`` say what could not become part of them."""
        async with self._holding(checkout):
            staged = await stage(self._git, checkout)
            at = Place(checkout.git_dir)
            return await compare(self._git, at, checkout.base, staged.tree, max_bytes, staged.notes)

    async def snapshot(self, checkout: Checkout) -> bytes:
        """The changes as a thin pack. Raises ``TooLarge`` with code ``snapshot_too_large``."""
        async with self._holding(checkout):
            staged = await stage(self._git, checkout)
            return await pack(self._git, checkout, staged.tree, self._snapshot_limit)

    async def restore(self, checkout: Checkout, snapshot: bytes) -> None:
        """Put a snapshot's content into a checkout that no agent has worked in yet."""
        async with self._holding(checkout):
            await unpack(self._git, checkout, snapshot)
            await protect_submodules(self._git, checkout)

    async def mark(self, checkout: Checkout) -> str:
        """Remember what the work tree holds: its objects stay in our git directory."""
        async with self._holding(checkout):
            return (await stage(self._git, checkout)).tree

    async def put_back(self, checkout: Checkout, mark: str) -> bool:
        """Undo what was changed since the mark; whether anything was."""
        for undone in range(_TRIES):
            async with self._holding(checkout):
                if (await stage(self._git, checkout)).tree == mark:
                    return undone > 0
                # Once more if ignore rules were changed too: they had hidden other files.
                await self._git.run("read-tree", "--reset", "-u", mark, at=place_of(checkout))
                await protect_submodules(self._git, checkout)
        raise Conflict(
            "Something goes on changing the work tree while it is put back.",
            code="workspace_changing",
        )

    async def push(
        self,
        checkout: Checkout,
        remote: Remote,
        branch: str,
        message: str,
        *,
        expected: str = "",
    ) -> Pushed:
        """Push one commit with the work tree's content.

        Raises ``Conflict``: ``branch_exists``, or ``no_changes`` if the tree is that of the base.
        """
        access, refs = await self._remotes.open(remote)
        async with self._holding(checkout):
            staged = await stage(self._git, checkout)
            wanted = Publication(checkout, staged.tree, branch, message, expected)
            return await self._publisher.publish(wanted, access, refs.heads.get(branch, ""))

    async def blob(self, remote: Remote, branch: str, path: str) -> str:
        """Git's id of a file's content at a branch's tip; empty where there is no such file."""
        access, refs = await self._remotes.open(remote)
        start = await self._mirrors.start(remote, access, refs, branch, "")
        output = await self._git.attempt(
            *("rev-parse", "--verify", "--quiet", f"{start.commit}:{path}"), at=start.mirror.place
        )
        return output.stdout.decode().strip() if output.code == 0 else ""

    async def default_branch(self, remote: Remote) -> str:
        """The branch that the remote's HEAD names, or the one at a detached HEAD's commit."""
        _access, refs = await self._remotes.open(remote)
        if not refs.default:
            raise empty_repository()
        return refs.default

    async def drop_mirrors(self, in_use: Collection[Path], idle: float) -> int:
        """Remove mirrors that no workspace borrows from and nobody has used for ``idle`` s."""
        return await self._mirrors.drop(in_use, idle)

    def close(self) -> None:
        """Let go of the threads."""
        self._runner.close()

    @asynccontextmanager
    async def _holding(self, checkout: Checkout) -> AsyncGenerator[None, None]:
        """One at a time works on our index of a tree; what a killed one left is cleared."""
        if not (checkout.tree.is_dir() and checkout.git_dir.is_dir()):
            raise NotFound("The workspace is no longer there.", code="workspace_not_found")
        async with locked(checkout.git_dir.with_suffix(".lock")):
            await asyncio.to_thread(clear_leftovers, checkout.git_dir)
            yield

    async def _give_repository(self, checkout: Checkout, start: Start, url: str) -> None:
        """The agent's own repository: same commit, same index, all branches, no credential."""
        listing = await self._git.run(
            *("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"),
            at=start.mirror.place,
        )
        refs = _agent_refs(listing, start)
        config = remote_config(url, start.branch, (self._author.name, self._author.email))
        await asyncio.to_thread(_write_agent_git_dir, checkout, start, refs, config)


def _absolute(path: Path) -> Path:
    """The same place seen from any working directory; symlinks stay as the caller named them."""
    return Path(os.path.abspath(path))


def _prepare(into: Path, git_dir: Path, start: Start) -> None:
    into.mkdir(mode=0o700, parents=True)
    write_git_dir(git_dir, commit=start.commit, head="lemnos", borrows=start.mirror.objects)


def _write_agent_git_dir(
    checkout: Checkout, start: Start, refs: dict[str, str], config: str
) -> None:
    path = checkout.tree / ".git"
    write_git_dir(
        path,
        commit=start.commit,
        head=start.branch,
        bare=False,
        borrows=start.mirror.objects,
        refs=refs,
        config=config,
    )
    shutil.copy2(checkout.git_dir / "index", path / "index")


def _agent_refs(listing: bytes, start: Start) -> dict[str, str]:
    """The mirror's branches as ``origin``'s, its tags, and the one branch to work on."""
    refs = {f"refs/heads/{start.branch}": start.commit}
    for line in listing.decode(errors="surrogateescape").splitlines():
        value, _, name = line.partition(" ")
        refs[name.replace("refs/heads/", "refs/remotes/origin/", 1)] = value
    return refs


def _remove(*folders: Path) -> None:
    """Remove what an interrupted try has left, never through a symlink."""
    for folder in folders:
        if folder.is_symlink():
            os.unlink(folder)
        elif folder.exists():
            shutil.rmtree(folder)
