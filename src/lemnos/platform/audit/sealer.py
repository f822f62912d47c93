"""Gives committed entries their place in the chain, a moment after they were written.

Writers do not wait for each other at the head of a chain: they insert entries without a number,
and this one loop numbers and hashes them in batches. See docs/adr/0004-audit-chain.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from lemnos.kernel.background import cancelled
from lemnos.kernel.errors import LemnosError
from lemnos.platform.audit.log import AuditLog
from lemnos.platform.audit.model import START, entry_hash
from lemnos.platform.audit.tables import audit_entries, audit_heads
from lemnos.platform.db import Database, Query, Row, Tx

log = logging.getLogger(__name__)

_BATCH = 500  # entries to a transaction: on SQLite a few milliseconds of the writer
_PAUSE = 0.2  # seconds in which entries gather
_SWEEP = 5.0  # seconds after which to look for entries of a node that died
_LOCK_KEY = 0x6C656D6E6F73  # "lemnos": one sealer at a time on PostgreSQL

_LOCK = Query(select(func.pg_advisory_xact_lock(bindparam("key"))))
_WAITING = Query(
    select(audit_entries)
    .where(audit_entries.c.seq.is_(None))
    .order_by(audit_entries.c.id)
    .limit(_BATCH)
)
_HEAD = Query(select(audit_heads).where(audit_heads.c.tenant == bindparam("tenant")))
_SEAL = Query(
    update(audit_entries)
    .where(audit_entries.c.id == bindparam("id_"))
    .values({name: bindparam(name) for name in ("seq", "prev_hash", "hash")})
)
_upsert = insert(audit_heads)
_MOVE_HEAD = Query(
    _upsert.values({c.name: bindparam(c.name) for c in audit_heads.c}).on_conflict_do_update(
        index_elements=["tenant"],
        set_={"seq": _upsert.excluded.seq, "hash": _upsert.excluded.hash},
    )
)


class Sealer:
    """Seals the entries of all nodes. Each node runs one; they take turns."""

    def __init__(self, db: Database, audit: AuditLog) -> None:
        self._db = db
        self._audit = audit
        self._written = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Seal what an earlier run left behind, then go on in the background."""
        self._audit.on_written = self._written.set
        await self.seal_all()
        self._task = asyncio.create_task(self._run(), name="audit-sealer")

    async def stop(self) -> None:
        """Seal what is left and end."""
        if self._task is None:
            return
        await cancelled(self._task)
        self._task = None
        await self.seal_all()

    async def seal_all(self) -> int:
        """Seal every entry that is committed; how many."""
        sealed, total = _BATCH, 0
        while sealed == _BATCH:
            sealed = await self._db.write(_seal_batch)
            total += sealed
        return total

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SWEEP):
                    await self._written.wait()
            self._written.clear()
            try:
                await self.seal_all()
            except LemnosError as error:  # the next sweep tries again
                log.warning("audit entries wait to be sealed: %s", error.message)
            except Exception:  # whatever it is, later entries must not wait for a restart
                log.exception("audit entries could not be sealed")
            await asyncio.sleep(_PAUSE)


async def _seal_batch(tx: Tx) -> int:
    """Number and hash the next entries, in the order of their insertion; how many."""
    if tx.dialect == "postgresql":
        await tx.one(_LOCK, {"key": _LOCK_KEY})
    rows = await tx.all(_WAITING)
    if not rows:
        return 0
    heads: dict[str, tuple[int, str]] = {}
    seals: list[dict[str, Any]] = []
    for row in rows:
        tenant = row["tenant"]
        if tenant not in heads:
            heads[tenant] = await _head(tx, tenant)
        heads[tenant], seal = _link(row, *heads[tenant])
        seals.append(seal)
    await tx.many(_SEAL, seals)
    moved = [{"tenant": t, "seq": seq, "hash": digest} for t, (seq, digest) in heads.items()]
    await tx.many(_MOVE_HEAD, moved)
    return len(rows)


async def _head(tx: Tx, tenant: str) -> tuple[int, str]:
    row = await tx.one(_HEAD, {"tenant": tenant})
    return (row["seq"], row["hash"]) if row else (0, START)


def _link(row: Row, seq: int, prev_hash: str) -> tuple[tuple[int, str], dict[str, Any]]:
    """The new head of the entry's chain, and the values that put the entry there."""
    digest = entry_hash(row, seq + 1, prev_hash)
    seal = {"id_": row["id"], "seq": seq + 1, "prev_hash": prev_hash, "hash": digest}
    return (seq + 1, digest), seal
