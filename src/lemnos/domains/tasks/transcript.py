"""An agent's events on their way into the log: in batches, and patient with the database.

An agent goes on while the database is away. What it says waits in memory, and when much waits,
its output is no longer read, which holds it up. Nothing is lost, and nothing is written twice,
within bounds: what an agent prints must not fill the database, nor the memory of its readers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from lemnos.engine import Steps
from lemnos.kernel import clock
from lemnos.kernel.background import patiently
from lemnos.platform.db import Database, Tx
from lemnos.platform.events.port import EventLog, NewEvent

LONGEST = 8 << 20  # bytes of one agent's line; of a longer one it is kept that it was there
LONGEST_DETAIL = 1 << 20  # bytes of what was read from it, which the line itself says as well
MOST = 64 << 20  # bytes of one run's events; those that follow are left out
_BATCH, _BATCH_BYTES = 200, 4 << 20
# Events and bytes that wait for the log, at which the agent's output is no longer read.
_BACKLOG, _BACKLOG_BYTES = 2_000, 16 << 20
_OVERHEAD = 256  # bytes that an event takes besides what it says


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
        self._waiting_bytes = 0
        self._left = MOST
        self._flushing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Find out where the stream ends now."""
        self._head = await patiently(lambda: self._log.head(self._stream))

    def add(self, event: NewEvent) -> None:
        """Take an event; raises what the log raised. Wait for :meth:`settled` when it is full."""
        kept = self._kept(event)
        if kept is None:
            return
        self._waiting.append(kept)
        self._waiting_bytes += _size(kept)
        if self._flushing is None or self._flushing.done():
            if self._flushing is not None:
                self._flushing.result()
            self._flushing = asyncio.create_task(self._flush())

    @property
    def full(self) -> bool:
        """Whether the log cannot keep up, so that no more should be read."""
        return len(self._waiting) >= _BACKLOG or self._waiting_bytes >= _BACKLOG_BYTES

    async def settled(self) -> None:
        """Wait until what was added so far is in the log. Raises what the log raised."""
        if self._flushing is not None:
            await self._flushing

    async def close(self) -> None:
        """Wait until everything is in the log."""
        await self.settled()
        await self._flush()

    def _kept(self, event: NewEvent) -> NewEvent | None:
        """The event, or what stands for it; None when the run has said more than is kept."""
        if len(event.data) > LONGEST or len(event.detail) > LONGEST_DETAIL:
            event = _cut(event)
        left, self._left = self._left, self._left - _size(event)
        if self._left >= 0 or event.name == "exited":
            return event
        return _last_word() if left >= 0 else None

    async def _flush(self) -> None:
        while self._waiting:
            await self._append(self._next_batch())

    def _next_batch(self) -> list[NewEvent]:
        """As many events as go into one transaction, at least one."""
        size = count = 0
        for event in self._waiting[:_BATCH]:
            if count and size + _size(event) > _BATCH_BYTES:
                break
            size += _size(event)
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        self._waiting_bytes -= size
        return batch

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


def _size(event: NewEvent) -> int:
    return len(event.data) + len(event.detail) + _OVERHEAD


def _cut(event: NewEvent) -> NewEvent:
    """What stands for an event that is too long: of its two documents, what fits stays whole."""
    data = event.data if len(event.data) <= LONGEST else _note(len(event.data))
    detail = event.detail if len(event.detail) <= LONGEST_DETAIL else _note(len(event.detail))
    return msgspec.structs.replace(event, data=data, detail=detail)


def _note(size: int) -> bytes:
    return msgspec.json.encode({"type": "lemnos.cut", "bytes": size})


def _last_word() -> NewEvent:
    text = f"The agent has said more than {MOST >> 20} MB; the rest of it is not kept."
    detail = {"kind": "error", "text": text, "warning": True}
    data = msgspec.json.encode({"type": "lemnos.error", **detail})
    return NewEvent("stream", "output", data, clock.now(), msgspec.json.encode(detail))
