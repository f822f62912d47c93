"""What of a server concerns events, put together as main.py does it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from lemnos.platform.db import Database, Tx
from lemnos.platform.events import Event, NewEvent
from lemnos.platform.events.feed import Feed
from lemnos.platform.events.hub import EventHub
from lemnos.platform.events.log import SqlEventLog
from lemnos.platform.events.notifier import Broadcast, Notifier

STREAM = "task:1"


class Node:
    def __init__(
        self, db: Database, broadcast: Broadcast | None = None, poll: float = 10.0, **hub: float
    ) -> None:
        self.db = db
        self.notifier = Notifier(broadcast, poll=poll)
        self.log = SqlEventLog(db, self.notifier)
        self.hub = EventHub(self.log, self.notifier, **hub)  # type: ignore[arg-type]
        self.feed = Feed(db, self.notifier)

    async def add(self, *names: str, stream: str = STREAM, tenant: str = "acme") -> int:
        """Append one event for each name, in one transaction."""

        async def body(tx: Tx) -> int:
            return await self.log.append(tx, tenant, stream, new(*names))

        return await self.db.write(body)


@asynccontextmanager
async def running(node: Node) -> AsyncIterator[Node]:
    await node.notifier.start()
    try:
        yield node
    finally:
        node.hub.stop()
        await node.notifier.stop()


def new(*names: str) -> list[NewEvent]:
    return [NewEvent("text", name, b'{"n":1}', 1_700_000_000_000_000) for name in names]


def names(events: Sequence[Event]) -> list[str]:
    return [event.name for event in events]


def encode(event: Event) -> bytes:
    return f"{event.seq}:{event.name}\n".encode()
