"""An agent's events on their way into the log: in batches, and patient with the database.

An agent goes on while the database is away. What it says waits in memory, and when much waits,
its output is no longer read, which holds it up. Nothing is lost, and nothing is written twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from lemnos.engine import Steps
from lemnos.kernel.errors import Unavailable
from lemnos.platform.db import Database, Tx
from lemnos.platform.events.port import EventLog, NewEvent

T = TypeVar("T")
_BATCH = 200
_BACKLOG = 2_000  # events waiting for the log at which the agent's output is no longer read
_OUTAGE_POLL = 1.0  # seconds


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Try until the database is there. For calls that bear being made again."""
    while True:
        try:
            return await call()
        except Unavailable:
            await asyncio.sleep(_OUTAGE_POLL)


class _WrittenAlready(Exception):
    """The commit of the batch had gone through, though its connection broke."""


class Transcript:
    """Appends to one stream: while one batch is being written, the next one gathers."""

    def __init__(self, db: Database, log: EventLog, steps: Steps, tenant: str, stream: str) -> None:
        self._db = db
        self._log = log
        self._steps = steps
        self._tenant = tenant
        self._stream = stream
        self._head = 0
        self._waiting: list[NewEvent] = []
        self._flushing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Find out where the stream ends now."""
        self._head = await patiently(lambda: self._log.head(self._stream))

    def add(self, event: NewEvent) -> None:
        """Take an event; raises what the log raised. Wait for :meth:`settled` when it is full."""
        self._waiting.append(event)
        if self._flushing is None or self._flushing.done():
            if self._flushing is not None:
                self._flushing.result()
            self._flushing = asyncio.create_task(self._flush())

    @property
    def full(self) -> bool:
        """Whether the log cannot keep up, so that no more should be read."""
        return len(self._waiting) >= _BACKLOG

    async def settled(self) -> None:
        """Wait until what was added so far is in the log. Raises what the log raised."""
        if self._flushing is not None:
            await self._flushing

    async def close(self) -> None:
        """Wait until everything is in the log."""
        await self.settled()
        await self._flush()

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            await self._append(batch)

    async def _append(self, batch: Sequence[NewEvent]) -> None:
        tries = 0

        async def body(tx: Tx) -> int:
            nonlocal tries
            tries += 1
            await self._steps.fence(tx)
            head = await self._log.append(tx, self._tenant, self._stream, batch)
            # The stream is locked by now, so a commit that was in doubt is decided.
            if tries > 1 and await self._holds(batch[0]):
                raise _WrittenAlready
            return head

        try:
            self._head = await patiently(lambda: self._db.write(body))
        except _WrittenAlready:
            self._head += len(batch)

    async def _holds(self, event: NewEvent) -> bool:
        later = await self._log.read(self._stream, self._head)
        return any((one.ts, one.data) == (event.ts, event.data) for one in later)
