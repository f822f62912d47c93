"""The event log on the database: append in the transaction of the fact, read by cursor."""

from __future__ import annotations

from collections.abc import Sequence

from lemnos.platform.db import Database, Row, Tx
from lemnos.platform.events import statements as sql
from lemnos.platform.events.notifier import Notifier
from lemnos.platform.events.port import Event, NewEvent, Subscription


class SqlEventLog:
    """See :class:`~lemnos.platform.events.port.EventLog`."""

    def __init__(self, db: Database, notifier: Notifier) -> None:
        self._db = db
        self._notifier = notifier

    async def append(self, tx: Tx, tenant: str, stream: str, events: Sequence[NewEvent]) -> int:
        """Append in order; the sequence number of the last. Subscribers wake after commit.

        The stream stays locked until the transaction ends, so that numbers are dense and in
        the order of commits: append late in a transaction.
        """
        if not events:
            return await self._head_in(tx, stream)
        if tx.dialect == "postgresql":
            row = await tx.one(sql.APPEND, _as_arrays(tenant, stream, events))
            head = int(row[0]) if row is not None else 0
        else:
            head = await self._append_rows(tx, tenant, stream, events)
        tx.after_commit(lambda: self._notifier.wake(stream))
        return head

    def append_later(self, tx: Tx, tenant: str, stream: str, events: Sequence[NewEvent]) -> None:
        """Append in order at the end of the transaction, for callers who need no number.

        The cheapest way, see :meth:`~lemnos.platform.db.port.Tx.defer`. Within one transaction
        use it for a stream once.
        """
        if not events:
            return
        if tx.dialect == "postgresql":
            tx.defer(sql.APPEND, _as_arrays(tenant, stream, events))
        else:
            tx.defer(sql.ADVANCE, {"stream": stream, "tenant": tenant, "head": len(events)})
            for back, event in zip(range(len(events) - 1, -1, -1), events, strict=True):
                tx.defer(sql.INSERT_AT_HEAD, {"stream": stream, "back": back, **_row(event)})
        tx.after_commit(lambda: self._notifier.wake(stream))

    async def read(self, stream: str, after: int = 0, limit: int = 500) -> list[Event]:
        """Events with a sequence number over ``after``, in order."""
        rows = await self._db.all(sql.READ, {"stream": stream, "after": after, "limit": limit})
        return [Event(*row) for row in rows]

    async def head(self, stream: str) -> int:
        """The last sequence number, 0 for an empty stream."""
        return _number(await self._db.one(sql.HEAD, {"stream": stream}))

    def subscribe(self, stream: str) -> Subscription:
        """Wake on appends from any node from now on."""
        return self._notifier.subscribe(stream)

    async def drop(self, tx: Tx, stream: str) -> None:
        """Delete a stream with all its events; a later append would start it anew at 1."""
        await tx.run(sql.DROP_EVENTS, {"of": stream})
        await tx.run(sql.DROP_STREAM, {"of": stream})

    async def _head_in(self, tx: Tx, stream: str) -> int:
        return _number(await tx.one(sql.HEAD, {"stream": stream}))

    async def _append_rows(
        self, tx: Tx, tenant: str, stream: str, events: Sequence[NewEvent]
    ) -> int:
        moved = await tx.one(sql.ADVANCE, {"stream": stream, "tenant": tenant, "head": len(events)})
        head = _number(moved)
        rows = [
            {"stream": stream, "tenant": tenant, "seq": seq, **_row(event)}
            for seq, event in enumerate(events, head - len(events) + 1)
        ]
        if len(rows) == 1:
            await tx.run(sql.INSERT, rows[0])
        else:
            await tx.many(sql.INSERT, rows)
        return head


def _row(event: NewEvent) -> dict[str, object]:
    return {
        "type": event.type,
        "name": event.name,
        "data": event.data,
        "ts": event.ts,
        "detail": event.detail,
    }


def _as_arrays(tenant: str, stream: str, events: Sequence[NewEvent]) -> dict[str, object]:
    return {
        "stream": stream,
        "tenant": tenant,
        "count": len(events),
        "types": [event.type for event in events],
        "names": [event.name for event in events],
        "datas": [event.data for event in events],
        "tss": [event.ts for event in events],
        "details": [event.detail for event in events],
    }


def _number(row: Row | None) -> int:
    return 0 if row is None else int(row[0])
