"""Events: facts in streams, each with a dense sequence number that is the reader's cursor.

A stream (``task:<id>``) numbers its events 1, 2, 3, …, without gaps, in commit order. A reader
subscribes first, then reads from its cursor: nothing is lost and nothing comes twice, across
restarts and nodes.

Events are msgspec's records: made ten times as fast as frozen dataclasses, which counts here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from lemnos.platform.db import Tx


class NewEvent(msgspec.Struct, frozen=True):
    """A fact to append. ``data`` is a JSON document, encoded; ``ts`` is in microseconds.

    ``detail`` is a second, normalised document beside data that is kept as it came; may be empty.
    """

    type: str
    name: str
    data: bytes
    ts: int
    detail: bytes = b""


class Event(msgspec.Struct, frozen=True):
    """A fact in the log."""

    stream: str
    seq: int
    type: str
    name: str
    data: bytes
    ts: int
    detail: bytes = b""


class Subscription(Protocol):
    """Wakes its holder when the stream has grown."""

    async def changed(self, timeout: float) -> bool:
        """Wait until something was appended since the last call; False after ``timeout`` s."""
        ...

    def close(self) -> None:
        """End the subscription."""
        ...


class EventLog(Protocol):
    """Append in the transaction of the fact; read by cursor."""

    async def append(self, tx: Tx, tenant: str, stream: str, events: Sequence[NewEvent]) -> int:
        """Append in order; the sequence number of the last. Subscribers wake after commit."""
        ...

    def append_later(self, tx: Tx, tenant: str, stream: str, events: Sequence[NewEvent]) -> None:
        """Append at the end of the transaction, for callers who need no number: cheaper.

        At most once for each stream in one transaction.
        """
        ...

    async def read(self, stream: str, after: int = 0, limit: int = 500) -> list[Event]:
        """Events with a sequence number over ``after``, in order."""
        ...

    async def head(self, stream: str) -> int:
        """The last sequence number, 0 for an empty stream."""
        ...

    async def drop(self, tx: Tx, stream: str) -> None:
        """Delete a stream with all its events."""
        ...

    def subscribe(self, stream: str) -> Subscription:
        """Wake on appends from any node from now on."""
        ...
