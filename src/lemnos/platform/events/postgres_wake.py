"""Wake-ups between nodes by PostgreSQL's NOTIFY."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence

import msgspec

from lemnos.platform.db.postgres import PostgresDatabase

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
        for payload in packed(streams, self._node):
            await self._db.publish(_CHANNEL, payload)

    async def stop(self) -> None:
        """See :class:`~lemnos.platform.events.notifier.Broadcast`."""
        if self._end is not None:
            self._end()


def packed(streams: Sequence[str], node: str, longest: int = _LONGEST) -> Iterator[str]:
    """The names as few JSON arrays ``[node, stream, …]``, each short enough to be sent."""
    part = [node]
    size = len(node) + 4
    for stream in streams:
        cost = len(msgspec.json.encode(stream)) + 1
        if size + cost > longest and len(part) > 1:
            yield msgspec.json.encode(part).decode()
            part, size = [node], len(node) + 4
        part.append(stream)
        size += cost
    yield msgspec.json.encode(part).decode()


def opened(payload: str | bytes, node: str) -> list[str]:
    """The names in a message, none if this node sent it itself."""
    sender, *streams = msgspec.json.decode(payload, type=list[str])
    return [] if sender == node else streams
