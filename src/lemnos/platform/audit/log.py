"""Writing entries with what they tell of, reading them, and checking a chain."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, insert, select

from lemnos.kernel import clock
from lemnos.kernel.context import Context
from lemnos.kernel.errors import LemnosError
from lemnos.platform.audit.model import START, Entry, Fault, Head, Verdict, entry_hash
from lemnos.platform.audit.tables import audit_entries, audit_heads
from lemnos.platform.db import Database, Query, Row, Tx
from lemnos.platform.ratelimit import LocalLimiter, Tier

log = logging.getLogger(__name__)

Statement = tuple[Query, Mapping[str, Any]]

_NEW = ("tenant", "ts", "actor", "action", "target", "request_id", "remote", "outcome", "detail")
_WALK_ROWS = 1000
_LONGEST = 500  # characters of a target; the detail is the caller's to keep short

# Entries about refusals, as anyone can cause them: each address a few, all together at most some
# 20 MB a day.
_REFUSALS = {"one": Tier("one", 10, 60.0, 10), "all": Tier("all", 60, 60.0, 60)}

_INSERT = Query(insert(audit_entries).values({name: bindparam(name) for name in _NEW}))
_MINE = audit_entries.c.tenant == bindparam("tenant")
_HEAD = Query(select(audit_heads).where(audit_heads.c.tenant == bindparam("tenant")))
_SEALED = Query(
    select(audit_entries)
    .where(_MINE, audit_entries.c.seq > bindparam("after"))
    .order_by(audit_entries.c.seq)
    .limit(bindparam("limit"))
)
_LAST = Query(select(func.max(audit_entries.c.seq)).where(_MINE, audit_entries.c.seq.is_not(None)))
_UNSEALED = Query(
    select(func.count()).select_from(audit_entries).where(_MINE, audit_entries.c.seq.is_(None))
)

_encode = msgspec.json.Encoder().encode


class AuditLog:
    """The entries of all tenants. ``on_written`` is called after commits: it wakes the sealer."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.on_written: Callable[[], None] = _nobody
        self._refusals = LocalLimiter(_REFUSALS)
        self._unwritten = 0

    def entry(
        self,
        ctx: Context,
        action: str,
        target: str = "",
        detail: Mapping[str, object] | None = None,
        outcome: str = "ok",
    ) -> Statement:
        """The statement that writes an entry, to be run in the transaction of the mutation."""
        return _INSERT, {
            "tenant": ctx.principal.tenant,
            "ts": clock.now(),
            "actor": ctx.principal.subject,
            "action": action,
            "target": printable(target),
            "request_id": ctx.request_id,
            "remote": ctx.remote,
            "outcome": outcome,
            "detail": _encode(detail).decode() if detail else "{}",
        }

    async def note_refusal(self, ctx: Context, request: str, code: str) -> None:
        """Write down that a mutation was refused: ``request`` is its method and path.

        At most 10 a minute for each address and 60 in all; the next entry says how many were
        left out before it. A database that is away does not change the refusal.
        """
        from_one = self._refusals.check(ctx.remote, "one")
        if not (from_one.allowed and self._refusals.check("", "all").allowed):
            self._unwritten += 1
            return
        left_out, self._unwritten = self._unwritten, 0
        detail = {"left_out": left_out} if left_out else None
        statement = self.entry(ctx, "request.refused", request, detail, code)

        async def body(tx: Tx) -> None:
            tx.defer(*statement)
            tx.after_commit(self.on_written)

        try:
            await self._db.write(body)
        except LemnosError as error:
            self._unwritten += left_out + 1
            log.warning("a refusal was not audited: %s", error.message)

    async def head(self, tenant: str) -> Head:
        """The end of the tenant's chain; ``seq`` 0 when nothing is sealed."""
        row = await self._db.one(_HEAD, {"tenant": tenant})
        return Head(tenant, row["seq"], row["hash"]) if row else Head(tenant, 0, START)

    async def entries(self, tenant: str, after: int = 0, limit: int = 100) -> list[Entry]:
        """Sealed entries with a number over ``after``, in order."""
        params = {"tenant": tenant, "after": after, "limit": limit}
        return [_entry(row) for row in await self._db.all(_SEALED, params)]

    async def verify(self, tenant: str, anchor: Head | None = None) -> Verdict:
        """Walk the tenant's chain from its first entry to its head.

        ``anchor`` is a head that was exported before: the chain must run through it. Without
        one, someone who can write to the database could have computed the whole chain anew.
        """
        last = await self._number(_LAST, tenant)
        head = await self.head(tenant)  # read after the last entry, so it is not before it
        unsealed = await self._number(_UNSEALED, tenant)
        walk = _Walk((head,) if anchor is None else (head, anchor))
        while walk.seq < walk.end and walk.fault is None:
            walk.along(await self._after(tenant, walk.seq))
        if walk.fault is None and head.seq < last:
            walk.fault = "head"
            walk.seq = head.seq
        broken = walk.seq + 1 if walk.fault else None
        return Verdict(tenant, walk.seq, head, unsealed, broken, walk.fault)

    async def _after(self, tenant: str, seq: int) -> list[Row]:
        params = {"tenant": tenant, "after": seq, "limit": _WALK_ROWS}
        return await self._db.scan(_SEALED, params)

    async def _number(self, query: Query, tenant: str) -> int:
        row = await self._db.one(query, {"tenant": tenant})
        return int(row[0] or 0) if row else 0


class _Walk:
    """How far a chain holds that must run through all of some heads."""

    def __init__(self, heads: Sequence[Head]) -> None:
        self.heads = heads
        self.end = max(head.seq for head in heads)
        self.seq = 0  # the last entry that holds
        self.hash = START
        self.fault: Fault | None = None  # what is wrong with the one after it

    def along(self, rows: list[Row]) -> None:
        """Check the next entries, up to the first that does not hold."""
        if not rows:
            self.fault = "removed"
        for row in rows:
            self.fault = self._fault(row)
            if self.fault is not None or self.seq == self.end:
                return
            self.seq, self.hash = row["seq"], row["hash"]

    def _fault(self, row: Row) -> Fault | None:
        seq = self.seq + 1
        if row["seq"] != seq:
            return "removed"
        if row["prev_hash"] != self.hash:
            return "reordered"
        if row["hash"] != entry_hash(row, seq, self.hash):
            return "changed"
        fits = all(head.hash == row["hash"] for head in self.heads if head.seq == seq)
        return None if fits else "head"


def printable(text: str) -> str:
    """Text from outside, of bounded length, without what a database cannot hold."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text[:_LONGEST]


def _entry(row: Row) -> Entry:
    return Entry(**{name: row[name] for name in Entry.__dataclass_fields__})


def _nobody() -> None:
    """No sealer listens."""
