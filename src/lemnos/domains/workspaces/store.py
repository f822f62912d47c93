"""Every query of the workspaces domain."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Text, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from lemnos.domains.workspaces.model import Snapshot, Workspace
from lemnos.domains.workspaces.ports import Checkout
from lemnos.domains.workspaces.tables import snapshots, workspaces
from lemnos.platform.db import Database, Query, Row, Tx

_C = workspaces.c
_ONE = _C.task_id == bindparam("task_id")

_INSERT = Query(insert(workspaces))
_GET = Query(select(workspaces).where(_ONE))
_LIST = Query(
    select(workspaces).where(_C.tenant == bindparam("tenant")).order_by(_C.task_id.desc())
)
_ON_NODE = Query(select(_C.task_id).where(_C.node == bindparam("node")))
_CHECKOUTS = Query(select(_C.checkout).where(_C.node == bindparam("node")))
_IDLE = Query(
    select(workspaces)
    .where(_C.node == bindparam("node"), _C.held == 0)
    .order_by(_C.last_used_at)
    .limit(bindparam("count"))
)
_TOTAL = Query(
    select(func.coalesce(func.sum(_C.size_bytes), 0).label("total")).where(
        _C.node == bindparam("node")
    )
)
_HOLD = Query(
    update(workspaces)
    .where(_ONE)
    .values(held=1, last_used_at=bindparam("now"), expires_at=bindparam("expires"))
)
_RENEW = Query(
    update(workspaces)
    .where(_ONE)
    .values(last_used_at=bindparam("now"), expires_at=bindparam("expires"))
)
_RELEASE = Query(
    update(workspaces)
    .where(_ONE)
    .values(held=0, last_used_at=bindparam("now"), expires_at=bindparam("expires"))
)
_RESIZE = Query(update(workspaces).where(_ONE).values(size_bytes=bindparam("size")))
_DELETE_IDLE = Query(delete(workspaces).where(_ONE, _C.held == 0))
_DELETE = Query(delete(workspaces).where(_ONE))
_DELETE_SNAPSHOT = Query(delete(snapshots).where(snapshots.c.task_id == bindparam("task_id")))

# ON CONFLICT is the same on both databases, and PostgreSQL's statement compiles for both.
_SAVE = upsert(snapshots)
_SNAPSHOT_PUT = Query(
    _SAVE.on_conflict_do_update(
        index_elements=["task_id"],
        set_={name: _SAVE.excluded[name] for name in ("base", "branch", "patch", "created_at")},
    )
)
_SNAPSHOT_COPY = Query(
    insert(snapshots).from_select(
        [column.name for column in snapshots.c],
        select(
            bindparam("target", type_=Text),
            *(column for column in snapshots.c if column.name != "task_id"),
        ).where(snapshots.c.task_id == bindparam("task_id")),
    )
)
_SNAPSHOT_GET = Query(
    select(snapshots.c.base, snapshots.c.branch, snapshots.c.patch).where(
        snapshots.c.task_id == bindparam("task_id")
    )
)


class WorkspaceStore:
    """Workspaces and the snapshots that outlive them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def put(self, tx: Tx, workspace: Workspace) -> None:
        """Insert, in place of what the task had before."""
        await tx.run(_DELETE, {"task_id": workspace.task_id})
        await tx.run(_INSERT, _row(workspace))

    async def get(self, task_id: str) -> Workspace | None:
        """The workspace of a task."""
        row = await self._db.one(_GET, {"task_id": task_id})
        return _workspace(row) if row else None

    async def list(self, tenant: str) -> tuple[Workspace, ...]:
        """The tenant's workspaces, the newest task first."""
        return tuple(_workspace(row) for row in await self._db.all(_LIST, {"tenant": tenant}))

    async def on_node(self, node: str) -> set[str]:
        """Ids of the tasks whose workspaces this node holds."""
        return {row["task_id"] for row in await self._db.all(_ON_NODE, {"node": node})}

    async def objects_in_use(self, node: str) -> set[Path]:
        """The object stores that workspaces on a node borrow from."""
        rows = await self._db.scan(_CHECKOUTS, {"node": node})
        return {path for row in rows for path in _checkout(row).readonly}

    async def idle(self, node: str, count: int) -> tuple[Workspace, ...]:
        """Workspaces that nothing uses, the longest unused first."""
        rows = await self._db.all(_IDLE, {"node": node, "count": count})
        return tuple(_workspace(row) for row in rows)

    async def total_bytes(self, node: str) -> int:
        """The size of all workspaces on a node."""
        row = await self._db.one(_TOTAL, {"node": node})
        return int(row["total"]) if row else 0

    async def hold(self, tx: Tx, task_id: str, now: int, expires: int) -> bool:
        """Mark as in use; False when it is not there."""
        return await tx.run(_HOLD, {"task_id": task_id, "now": now, "expires": expires}) > 0

    async def renew(self, tx: Tx, task_id: str, now: int, expires: int) -> bool:
        """Note that it was used; False when it is not there."""
        return await tx.run(_RENEW, {"task_id": task_id, "now": now, "expires": expires}) > 0

    async def release(self, tx: Tx, task_id: str, now: int, expires: int) -> None:
        """Mark as idle again."""
        await tx.run(_RELEASE, {"task_id": task_id, "now": now, "expires": expires})

    async def resize(self, tx: Tx, task_id: str, size: int) -> None:
        """Note its size in bytes."""
        await tx.run(_RESIZE, {"task_id": task_id, "size": size})

    async def remove_idle(self, tx: Tx, task_id: str) -> bool:
        """Delete unless it is held; False when it is, or is not there."""
        return await tx.run(_DELETE_IDLE, {"task_id": task_id}) > 0

    async def discard(self, tx: Tx, task_id: str) -> None:
        """Delete the workspace and its snapshot."""
        await tx.run(_DELETE, {"task_id": task_id})
        await tx.run(_DELETE_SNAPSHOT, {"task_id": task_id})

    async def save_snapshot(
        self, tx: Tx, workspace: Workspace, patch: bytes, created_at: int
    ) -> None:
        """Keep what the work tree holds against its base."""
        values = {
            "task_id": workspace.task_id,
            "tenant": workspace.tenant,
            "base": workspace.checkout.base,
            "branch": workspace.checkout.branch,
            "patch": patch,
            "created_at": created_at,
        }
        await tx.run(_SNAPSHOT_PUT, values)

    async def snapshot(self, task_id: str) -> Snapshot | None:
        """What is remembered of a task."""
        row = await self._db.one(_SNAPSHOT_GET, {"task_id": task_id})
        return Snapshot(row["base"], row["branch"], row["patch"]) if row else None

    async def copy_snapshot(self, tx: Tx, source: str, target: str) -> None:
        """Remember of one task what is remembered of another."""
        await tx.run(_DELETE_SNAPSHOT, {"task_id": target})
        await tx.run(_SNAPSHOT_COPY, {"task_id": source, "target": target})


def _row(workspace: Workspace) -> Mapping[str, Any]:
    return {
        "task_id": workspace.task_id,
        "tenant": workspace.tenant,
        "node": workspace.node,
        "checkout": msgspec.json.encode(workspace.checkout, enc_hook=str).decode(),
        "home": str(workspace.home),
        "held": int(workspace.held),
        "size_bytes": workspace.size_bytes,
        "created_at": workspace.created_at,
        "last_used_at": workspace.last_used_at,
        "expires_at": workspace.expires_at,
    }


def _path(wanted: type, value: Any) -> Any:
    if wanted is Path:
        return Path(value)
    raise NotImplementedError(wanted)


def _checkout(row: Row) -> Checkout:
    return msgspec.json.decode(row["checkout"], type=Checkout, dec_hook=_path)


def _workspace(row: Row) -> Workspace:
    return Workspace(
        row["task_id"],
        row["tenant"],
        row["node"],
        _checkout(row),
        Path(row["home"]),
        bool(row["held"]),
        row["size_bytes"],
        row["created_at"],
        row["last_used_at"],
        row["expires_at"],
    )
