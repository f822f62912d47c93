"""Use cases of workspaces: make, hold, measure, remove, and make room on the disk."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lemnos.domains.workspaces.disk import disk_full_fails
from lemnos.domains.workspaces.model import Examined, Snapshot, Workspace
from lemnos.domains.workspaces.ports import Checkout, Git, Remote
from lemnos.domains.workspaces.store import WorkspaceStore
from lemnos.kernel import clock
from lemnos.kernel.clock import SECOND
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Conflict, LemnosError, NotFound, TooLarge
from lemnos.platform import folders
from lemnos.platform.db import Database, Tx

log = logging.getLogger(__name__)

_BATCH = 100


@dataclass(frozen=True, slots=True)
class WorkspaceLimits:
    """Seconds after its last use that a workspace and a mirror live; bytes for all workspaces."""

    ttl: int
    disk: int
    mirror_ttl: int = 7 * 86_400


class WorkspaceService:
    """The workspaces of one node."""

    def __init__(
        self,
        db: Database,
        store: WorkspaceStore,
        git: Git,
        root: Path,
        node: str,
        limits: WorkspaceLimits,
    ) -> None:
        self._db = db
        self._store = store
        self._git = git
        self._root = root
        self._node = node
        self._limits = limits

    async def present(self, task_id: str) -> Workspace | None:
        """The task's workspace, if it is on this node's disk."""
        found = await self._store.get(task_id)
        here = found is not None and found.node == self._node and found.checkout.tree.is_dir()
        return found if here else None

    async def make(
        self, tenant: str, task_id: str, remote: Remote, branch: str, *, anew: bool = False
    ) -> Workspace:
        """Check the repository out, and put back what the task had changed in earlier iterations.

        ``anew``: in place of the workspace that is there, from the same commit, with a new home:
        nothing of what an agent has begun in this iteration is left.
        """
        await self.make_room()
        start = await self._store.snapshot(task_id)
        if anew and start is None and (before := await self._store.get(task_id)) is not None:
            start = Snapshot(before.checkout.base, before.checkout.branch)
        folder = self._root / task_id
        home = folder / "home"
        try:
            with disk_full_fails():
                if anew:
                    await asyncio.to_thread(folders.remove, home)
                checkout = await self._check_out(remote, folder / "checkout", branch, start)
                home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except LemnosError:
            await asyncio.to_thread(folders.remove, folder)  # half of it helps nobody
            raise
        now = clock.now()
        made = Workspace(
            task_id,
            tenant,
            self._node,
            checkout,
            home,
            held=True,
            size_bytes=0,
            created_at=now,
            last_used_at=now,
            expires_at=self._expiry(now),
        )
        await self._db.write(lambda tx: self._store.put(tx, made))
        return made

    async def _check_out(
        self, remote: Remote, into: Path, branch: str, start: Snapshot | None
    ) -> Checkout:
        if not remote.url:
            checkout = await self._git.empty(into)
        elif start is None:
            checkout = await self._git.checkout(remote, into, branch)
        else:
            checkout = await self._git.checkout(remote, into, start.branch, commit=start.base)
        if start is not None and start.patch:
            await self._git.restore(checkout, start.patch)
        return checkout

    @asynccontextmanager
    async def examined(self, task_id: str, remote: Remote) -> AsyncGenerator[Examined, None]:
        """What a task at rest has made of its repository, and what it was: copies to look at.

        They are removed afterwards. Raises ``NotFound`` with code ``no_snapshot`` when nothing of
        the task is remembered.
        """
        start = await self._store.snapshot(task_id)
        if start is None:
            raise NotFound("What the task had changed was not kept.", code="no_snapshot")
        await self.make_room()
        folder = self._root / f".examined.{secrets.token_hex(8)}"
        before = Snapshot(start.base, start.branch)
        try:
            with disk_full_fails():
                tree = await self._check_out(remote, folder / "tree", start.branch, start)
                base = await self._check_out(remote, folder / "base", start.branch, before)
            yield Examined(tree, base)
        finally:
            await asyncio.to_thread(folders.remove, folder)

    @asynccontextmanager
    async def beginning(self, checkout: Checkout, remote: Remote) -> AsyncGenerator[Checkout, None]:
        """What a workspace was made from: a clean copy to look at, removed afterwards."""
        await self.make_room()
        folder = self._root / f".examined.{secrets.token_hex(8)}"
        start = Snapshot(checkout.base, checkout.branch)
        try:
            with disk_full_fails():
                base = await self._check_out(remote, folder / "base", start.branch, start)
            yield base
        finally:
            await asyncio.to_thread(folders.remove, folder)

    async def adopt(self, tx: Tx, task_id: str, other: str) -> None:
        """Let a task go on from what another one has left."""
        await self._store.copy_snapshot(tx, other, task_id)

    async def hold(self, task_id: str) -> bool:
        """Keep the workspace from being removed while it is worked in; False when it is gone."""
        now = clock.now()
        return await self._db.write(
            lambda tx: self._store.hold(tx, task_id, now, self._expiry(now))
        )

    async def renew(self, task_id: str) -> bool:
        """Let the workspace live on for as long as after any use; False when it is gone.

        For those who look at what a task has left. They do not hold it, as they would let go of
        what an agent that begins meanwhile has to hold.
        """
        now = clock.now()
        return await self._db.write(
            lambda tx: self._store.renew(tx, task_id, now, self._expiry(now))
        )

    async def release(self, tx: Tx, task_id: str) -> None:
        """Let the task's workspace, if there is one, expire again from now on."""
        now = clock.now()
        await self._store.release(tx, task_id, now, self._expiry(now))

    async def measure(self, task_id: str) -> None:
        """Note how large the workspace is now."""
        usage = await asyncio.to_thread(folders.usage_of, (self._root / task_id,))
        await self._db.write(lambda tx: self._store.resize(tx, task_id, usage.bytes))

    async def keep_snapshot(self, workspace: Workspace) -> None:
        """Remember what the tree holds, beyond the life of the workspace.

        One that is too large is not kept: its task lives on only as long as its workspace.
        """
        try:
            patch = await self._git.snapshot(workspace.checkout)
        except TooLarge as error:
            log.warning("no snapshot of task %s: %s", workspace.task_id, error.message)
            return
        now = clock.now()
        await self._db.write(lambda tx: self._store.save_snapshot(tx, workspace, patch, now))

    async def list(self, ctx: Context) -> tuple[Workspace, ...]:
        """The tenant's workspaces, on all nodes."""
        return await self._store.list(ctx.tenant)

    async def remove(self, tx: Tx, ctx: Context, task_id: str) -> None:
        """Delete a workspace; one that is in use raises ``Conflict``."""
        found = await self._store.get(task_id)
        if found is None or found.tenant != ctx.tenant:
            message = f"Task {task_id} has no workspace."
            raise NotFound(message, code="workspace_not_found")
        if not await self._store.remove_idle(tx, task_id):
            raise Conflict("The workspace is in use: its task is at work.", code="task_busy")
        # On another node the sweep there finds the folder without a row.
        tx.after_commit(lambda: self._forget(task_id))

    async def discard(self, tx: Tx, task_id: str) -> None:
        """Delete a workspace and what was remembered of it; the task is at rest."""
        await self._store.discard(tx, task_id)
        tx.after_commit(lambda: self._forget(task_id))

    async def sweep(self) -> int:
        """Remove what has expired and folders that no row knows; how many workspaces went."""
        now = clock.now()
        gone = 0
        for workspace in await self._store.idle(self._node, _BATCH):
            if workspace.expires_at <= now:
                gone += await self._drop(workspace.task_id)
        gone += await self._remove_orphans()
        in_use = await self._store.objects_in_use(self._node)
        await self._git.drop_mirrors(in_use, self._limits.mirror_ttl)
        return gone

    async def make_room(self) -> None:
        """At the disk limit, remove idle workspaces, the longest unused first."""
        excess = await self._store.total_bytes(self._node) - self._limits.disk
        if excess < 0:
            return
        for workspace in await self._store.idle(self._node, _BATCH):
            if excess < 0:
                return
            if await self._drop(workspace.task_id):
                excess -= workspace.size_bytes

    async def _drop(self, task_id: str) -> bool:
        removed = await self._db.write(lambda tx: self._store.remove_idle(tx, task_id))
        if removed:
            await asyncio.to_thread(folders.remove, _set_aside(self._root / task_id))
        return removed

    def _forget(self, task_id: str) -> None:
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, folders.remove, _set_aside(self._root / task_id))

    async def _remove_orphans(self) -> int:
        """Folders of workspaces that were deleted elsewhere, or just before a crash."""
        if not self._root.is_dir():
            return 0
        known = await self._store.on_node(self._node)
        # One that is being made has no row yet; it is younger than any that was deleted.
        newest = (clock.now() / SECOND) - 3600
        orphans = [
            entry.path
            for entry in os.scandir(self._root)
            if entry.name not in known and entry.stat().st_mtime < newest
        ]
        for path in orphans:
            await asyncio.to_thread(folders.remove, Path(path))
        return len(orphans)

    def _expiry(self, now: int) -> int:
        return now + self._limits.ttl * SECOND


def _set_aside(folder: Path) -> Path:
    """Rename what is to be removed, so that a new workspace may begin in its place at once."""
    aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        folder.rename(aside)
    except FileNotFoundError:
        return folder
    return aside
