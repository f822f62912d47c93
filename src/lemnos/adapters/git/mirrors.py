"""One bare mirror for each repository and scope: fetched once, borrowed from by all workspaces.

Nothing is ever removed from a mirror's objects, since workspaces reach them through alternates. A
mirror goes as a whole, when no workspace borrows from it and nobody has asked for it for long.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from lemnos.adapters.git.command import GitCommands, Place
from lemnos.adapters.git.errors import branch_not_found, empty_repository, git_error
from lemnos.adapters.git.gitdir import write_git_dir
from lemnos.adapters.git.locks import clear_leftovers, locked
from lemnos.adapters.git.remotes import Access, RemoteRefs
from lemnos.domains.workspaces.ports import Remote
from lemnos.kernel.errors import Invalid

_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_MANY_PACKS = 40  # each fetch adds one, and each lookup may have to ask all of them
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Mirror:
    """A bare repository of ours that follows a remote."""

    path: Path

    @property
    def exists(self) -> bool:
        """Whether it was made to the end: HEAD is written last."""
        return (self.path / "HEAD").is_file()

    @property
    def objects(self) -> Path:
        """The object store, which workspaces read through alternates."""
        return self.path / "objects"

    @property
    def place(self) -> Place:
        """Where its commands run."""
        return Place(self.path)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a workspace starts: a commit in a mirror, and the branch that it was taken from."""

    mirror: Mirror
    commit: str
    branch: str


class Mirrors:
    """All mirrors under one folder, shared between processes."""

    def __init__(self, git: GitCommands, root: Path) -> None:
        self._git = git
        self._root = root

    async def start(
        self, remote: Remote, access: Access, refs: RemoteRefs, branch: str, commit: str
    ) -> Start:
        """Bring the mirror up to date, and find the commit in it.

        Raises ``Invalid`` with code ``branch_not_found``, ``commit_not_found`` or
        ``repository_empty``.
        """
        if not refs.heads:
            raise empty_repository()
        wanted = branch or refs.default
        if not commit and wanted not in refs.heads:
            raise branch_not_found(wanted or "HEAD")
        mirror = Mirror(self._root / mirror_name(remote, access))
        await self._update(mirror, access, refs)
        os.utime(mirror.path)  # what `drop` goes by
        if not commit:
            return Start(mirror, await self._tip(mirror, wanted), wanted)
        await self._ensure_commit(mirror, access, commit)
        return Start(mirror, commit, wanted or "main")

    async def drop(self, in_use: Collection[Path], idle: float) -> int:
        """Remove the mirrors that nobody has used for so many seconds; how many went."""
        gone = 0
        for path in self._root.glob("*.git"):
            mirror = Mirror(path)
            if mirror.objects in in_use or not _idle(path, idle):
                continue
            async with locked(path.with_suffix(".lock")):
                if _idle(path, idle):  # still, now that nobody else can be at it
                    await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
                    gone += 1
        return gone

    async def _update(self, mirror: Mirror, access: Access, refs: RemoteRefs) -> None:
        """Fetch unless the mirror has what the remote just listed.

        Whoever waits here for another's fetch finds everything there and fetches nothing.
        """
        if await self._heads(mirror) == refs.heads:
            return
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with locked(mirror.path.with_suffix(".lock")) as held:
            if await self._heads(mirror) == refs.heads:
                return
            if not mirror.exists:
                await asyncio.to_thread(shutil.rmtree, mirror.path, ignore_errors=True)
                write_git_dir(mirror.path, commit=next(iter(refs.heads.values())), head="main")
            await asyncio.to_thread(clear_leftovers, mirror.path)
            await self._fetch(mirror, access, held, *_REFSPECS)
            await self._consolidate(mirror, held)

    async def _fetch(self, mirror: Mirror, access: Access, held: int, *refspecs: str) -> None:
        output = await self._git.network(
            *("fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head"),
            *("--update-shallow", *access.serving, access.url, *refspecs),
            cwd=mirror.path,
            git_dir=mirror.path,
            settings=access.settings,
            extra=access.environment,
            held=(held,),
        )
        if output.code != 0:
            # Now and not at the next fetch: it may be half a pack that has filled the disk.
            await asyncio.to_thread(clear_leftovers, mirror.path)
            raise git_error(output.stderr, access.secrets)

    async def _consolidate(self, mirror: Mirror, held: int) -> None:
        """Merge small packs when there are many; geometric repacking drops no object."""
        packs = sum(1 for _ in (mirror.objects / "pack").glob("*.pack"))
        if packs > _MANY_PACKS:
            await self._git.run(
                *("repack", "--quiet", "--geometric=2", "-d"), at=mirror.place, held=(held,)
            )

    async def _heads(self, mirror: Mirror) -> Mapping[str, str]:
        if not mirror.exists:
            return {}
        listing = await self._git.run(
            *("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads"),
            at=mirror.place,
        )
        lines = listing.decode(errors="surrogateescape").splitlines()
        return {name: commit for commit, _, name in (line.partition(" ") for line in lines)}

    async def _tip(self, mirror: Mirror, branch: str) -> str:
        """The branch's commit now; it may have moved, or gone, since the remote listed it."""
        output = await self._git.attempt(
            *("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}"),
            at=mirror.place,
        )
        if output.code != 0:
            raise branch_not_found(branch)
        return output.stdout.decode().strip()

    async def _ensure_commit(self, mirror: Mirror, access: Access, commit: str) -> None:
        """A commit that no branch holds any more is asked for by its hash."""
        if not _COMMIT.fullmatch(commit):
            raise Invalid("This is not a commit's full hash.", code="commit_not_found")
        if await self._has(mirror, commit):
            return
        async with locked(mirror.path.with_suffix(".lock")) as held:
            await self._fetch(mirror, access, held, f"{commit}:refs/lemnos/kept/{commit}")

    async def _has(self, mirror: Mirror, commit: str) -> bool:
        output = await self._git.attempt("cat-file", "-e", f"{commit}^{{commit}}", at=mirror.place)
        return output.code == 0


def _idle(path: Path, seconds: float) -> bool:
    try:
        return path.stat().st_mtime < time.time() - seconds
    except FileNotFoundError:
        return False


def mirror_name(remote: Remote, access: Access) -> str:
    """The folder of a repository's mirror: one for each address, scope and credential.

    With the scope in the name no tenant reads what another's token has fetched; without a scope
    the token itself keeps private repositories apart.
    """
    address = access.url.rstrip("/").removesuffix(".git")
    owner = remote.scope or remote.token
    digest = hashlib.sha256("\0".join((address, "scope" * bool(remote.scope), owner)).encode())
    return digest.hexdigest()[:40] + ".git"
