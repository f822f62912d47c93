"""Wake-ups between nodes by PostgreSQL's NOTIFY."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from lemnos.platform.db.postgres import PostgresDatabase
from lemnos.platform.events.wake_message import opened, packed

_CHANNEL = "lemnos_events"
_LONGEST = 7900  # bytes; PostgreSQL refuses payloads of 8,000 and more


class PostgresBroadcast:
    """Sends after the commit, in a transaction of its own, many streams at a time.

    In the transaction of the fact it could not get lost, but PostgreSQL then lets these commit
    only one after the other, which would undo its group commit.
    """

    def __init__(self, db: PostgresDatabase) -> None:
        self._db = db
        self._node = uuid.uuid4().hex
        self._end: Callable[[], None] | None = None

    async def start(self, heard: Callable[[Sequence[str] | None], None]) -> None:
        """See :class:`~lemnos.platform.events.notifier.Broadcast`."""

        def received(payload: str | None) -> None:
            streams = None if payload is None else opened(payload, self._node)
            if streams is None or streams:
                heard(streams)

        self._end = self._db.listen(_CHANNEL, received)

    async def send(self, streams: Sequence[str]) -> None:
        """See :class:`~lemnos.platform.events.notifier.Broadcast`."""
        for payload in packed(streams, self._node, _LONGEST):
            await self._db.publish(_CHANNEL, payload)

    async def stop(self) -> None:
        """See :class:`~lemnos.platform.events.notifier.Broadcast`."""
        if self._end is not None:
            self._end()
