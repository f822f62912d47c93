"""What a task has changed, to be read at any time and on any node."""

from __future__ import annotations

import zlib

import msgspec
from sqlalchemy import bindparam, delete, insert, select

from lemnos.domains.tasks.model import Task, resting
from lemnos.domains.tasks.tables import diffs
from lemnos.domains.workspaces.ports import Diff, Git
from lemnos.domains.workspaces.service import WorkspaceService
from lemnos.platform.db import Database, Query, Tx

_ONE = (diffs.c.tenant == bindparam("tenant"), diffs.c.task_id == bindparam("task_id"))
_GET = Query(select(diffs.c.content).where(*_ONE))
_DELETE = Query(delete(diffs).where(*_ONE))
_INSERT = Query(insert(diffs))


class DiffStore:
    """The diff of each task as its last iteration left it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def put(self, tx: Tx, task: Task, diff: Diff) -> None:
        """Keep a diff in place of the one before."""
        key = {"tenant": task.tenant, "task_id": task.id}
        await tx.run(_DELETE, key)
        content = zlib.compress(msgspec.json.encode(diff))
        await tx.run(_INSERT, {**key, "number": task.iteration, "content": content})

    async def drop(self, tx: Tx, task: Task) -> None:
        """Forget the diff of a task whose work was taken back."""
        await tx.run(_DELETE, {"tenant": task.tenant, "task_id": task.id})

    async def get(self, tenant: str, task_id: str) -> Diff | None:
        """The diff that was kept last."""
        row = await self._db.one(_GET, {"tenant": tenant, "task_id": task_id})
        return msgspec.json.decode(zlib.decompress(row["content"]), type=Diff) if row else None


class ChangesReader:
    """The diff of a task: live while its agent works on this node, else as it was kept."""

    def __init__(self, store: DiffStore, workspaces: WorkspaceService, git: Git) -> None:
        self._store = store
        self._workspaces = workspaces
        self._git = git

    async def diff(self, task: Task) -> Diff:
        """All changes so far; empty before there are any."""
        if not resting(task.status):
            workspace = await self._workspaces.present(task.id)
            if workspace is not None:
                return await self._git.diff(workspace.checkout)
        return await self._store.get(task.tenant, task.id) or Diff((), "", truncated=False)
