"""Takes due jobs off the table when there is a place for them, and gives them to the runner.

Nothing waits in memory: until a place is free, a job is a row. The relay sleeps until a
transaction of this process wakes it, the next delayed job is due, or it is time to look for
what other nodes have enqueued.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from lemnos.engine import store
from lemnos.engine.execution import Runner
from lemnos.engine.model import Claim, Kind
from lemnos.kernel import clock
from lemnos.platform.db import Database, Tx

_log = logging.getLogger(__name__)
_AFTER_ERROR = 1.0  # seconds
_POLL = {"sqlite": 5.0, "postgresql": 1.0}  # seconds; other processes seldom write to SQLite


class Relay:
    """Claims jobs for one node. ``places``: how many jobs of each queue may run at once."""

    def __init__(
        self,
        database: Database,
        runner: Runner,
        node: str,
        kinds: Mapping[str, Kind],
        places: Mapping[str, int],
    ) -> None:
        self._database = database
        self._runner = runner
        self._node = node
        self._kinds = kinds
        self._places = dict(places)
        self._board = store.Board(tuple(places), kinds)
        self._running: dict[asyncio.Task[None], Claim] = {}
        self._awake = asyncio.Event()
        self._doubtful = False  # whether a claim may have been committed unnoticed
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """There may be something to do: a job was committed, or a place is free."""
        self._awake.set()

    def start(self) -> None:
        """Begin to take jobs."""
        self._task = asyncio.create_task(self._watch(), name="engine-relay")

    async def stop(self) -> None:
        """Take no more jobs; those that run go on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def finish(self, timeout: float) -> None:
        """Wait up to ``timeout`` seconds for the running jobs."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout)

    async def _watch(self) -> None:
        while True:
            try:
                pause = await self._pass()
            except Exception:
                # Mostly the database is away. Whatever it is, jobs must not wait for ever.
                _log.exception("the relay will look again")
                pause = _AFTER_ERROR
            # Not wait_for: on Python 3.11 it loses a cancellation that meets a wake-up.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._awake.wait()

    async def _pass(self) -> float:
        """Start what is due. Returns how long there is nothing to do, in seconds."""
        self._awake.clear()
        if self._doubtful:
            running = {claim.job.id: claim.epoch for claim in self._running.values()}
            await self._database.write(lambda tx: store.release_strays(tx, self._node, running))
            self._doubtful = False
        row = await self._database.one(self._board.look)
        due, ready = self._board.seen(row)
        now = clock.now()
        free = self._free()
        late = due is not None and due <= now
        wanted = {queue: free[queue] for queue in (free if late else ready) if free[queue] > 0}
        if wanted or late:
            await self._take(wanted)
            return 0.0
        poll = _POLL[self._database.dialect]
        return poll if due is None else min(poll, (due - now) / clock.SECOND)

    async def _take(self, wanted: Mapping[str, int]) -> None:
        async def claim(tx: Tx) -> list[Claim]:
            now = clock.now()
            await store.promote_due(tx, now)
            claims: list[Claim] = []
            for queue, count in wanted.items():
                claims += await self._board.claim(tx, queue, self._node, count, now)
            return claims

        self._doubtful = True
        claims = await self._database.write(claim)
        self._doubtful = False
        for taken in claims:
            task = asyncio.create_task(self._runner.run(taken, self._kinds[taken.job.kind]))
            self._running[task] = taken
            task.add_done_callback(self._left)

    def _free(self) -> dict[str, int]:
        free = dict(self._places)
        for claim in self._running.values():
            free[claim.queue] -= 1
        return free

    def _left(self, task: asyncio.Task[None]) -> None:
        claim = self._running.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the job %s could not be run", claim.job.id, exc_info=error)
            self._doubtful = True
        self.wake()
