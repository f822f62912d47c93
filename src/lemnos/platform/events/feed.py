"""Events of all streams in one order, for readers that span streams: webhooks, timelines.

SQLite commits one transaction after the other, so the order of row ids is the order of commits,
and "id greater than the cursor" misses nothing. PostgreSQL hands out ids before the commit: a
transaction that took a lower id may commit after a higher one was read, and would be missed. So
there events are ordered by (transaction id, row id), and only read below the oldest transaction
that is still running: whatever commits later has a higher transaction id than all that was read.
A transaction that stays open delays this feed, it never tears it. The numbers within one stream
need none of this: a stream is locked from its append to the commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from lemnos.kernel.errors import Invalid
from lemnos.platform.db import Database, Row
from lemnos.platform.events import statements as sql
from lemnos.platform.events.notifier import Notifier
from lemnos.platform.events.port import Event

START = "0.0"  # the cursor before the first event
_FIRST_LOOK, _LONGEST_LOOK = 0.02, 1.0  # seconds until events behind the fence are looked for


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event, its tenant, and the cursor of a reader who has had it."""

    cursor: str
    tenant: str
    event: Event


class Feed:
    """Reads across streams."""

    def __init__(self, db: Database, notifier: Notifier) -> None:
        self._db = db
        self._notifier = notifier

    async def read_all(
        self, tenant: str | None, after: str = START, limit: int = 500
    ) -> tuple[list[FeedEvent], str]:
        """Up to ``limit`` events of all streams that follow the cursor, and the next cursor.

        Those of other tenants than ``tenant`` are passed over, so the list may be empty while
        the cursor moves on; at the end of the log it stays. Raises ``Invalid`` for a cursor
        that is none.
        """
        txid, number = parse_cursor(after)
        if self._db.dialect == "postgresql":
            query, params = sql.FEED_POSTGRESQL, {"txid": txid, "id": number, "limit": limit}
        else:
            query, params = sql.FEED_SQLITE, {"id": number, "limit": limit}
        rows = await self._db.scan(query, params)
        found = [_event(row) for row in rows if tenant is None or row["tenant"] == tenant]
        return found, f"{rows[-1]['txid']}.{rows[-1]['id']}" if rows else after

    async def tail(self) -> str:
        """The cursor from which only what commits from now on is sure to be read."""
        postgresql = self._db.dialect == "postgresql"
        row = await self._db.one(sql.TAIL_POSTGRESQL if postgresql else sql.TAIL_SQLITE)
        return START if row is None else f"{row[0]}.{row[1]}"

    async def follow_all(
        self, tenant: str | None, after: str, *, heartbeat: float = 15.0
    ) -> AsyncGenerator[list[FeedEvent], None]:
        """The events of all streams as they come, for ever; an empty list as a heartbeat."""
        wakes = self._notifier.subscribe_all()
        look = _FIRST_LOOK
        try:
            while True:
                found, cursor = await self.read_all(tenant, after)
                if found:
                    yield found
                if cursor != after:
                    after, look = cursor, _FIRST_LOOK
                elif look < _LONGEST_LOOK and self._db.dialect == "postgresql":
                    await asyncio.sleep(look)  # what woke us may still be behind the fence
                    look *= 2
                elif await wakes.changed(heartbeat):
                    look = _FIRST_LOOK
                else:
                    yield []
        finally:
            wakes.close()


def parse_cursor(cursor: str) -> tuple[int, int]:
    """The transaction id and row id in a cursor. Raises ``Invalid`` when it has none."""
    txid, dot, number = cursor.partition(".")
    if not (dot and txid.isdecimal() and number.isdecimal()):
        raise Invalid("The cursor is not one of this event log.", code="invalid_cursor")
    return int(txid), int(number)


def _event(row: Row) -> FeedEvent:
    event = Event(*(row[name] for name in Event.__struct_fields__))
    return FeedEvent(f"{row['txid']}.{row['id']}", row["tenant"], event)
