"""One stream that has readers on this node: its ring, kept up to date, and who waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from lemnos.kernel.errors import LemnosError
from lemnos.platform.events.notifier import Notifier
from lemnos.platform.events.port import EventLog
from lemnos.platform.events.ring import Encode, Ring

log = logging.getLogger(__name__)

_CHUNK = 500  # events to one read of the log
_RETRY = 1.0  # seconds after a failure to read the log
_RESTED = 0.25  # of the time that a crowd took: more makes it wait, less nobody else gets through
_SWEEP = 0.05  # seconds between looks for readers whose heartbeat is due, at least


class LiveStream:
    """Reads the log when woken and lets the waiting readers go on.

    From ``crowd`` readers on it then rests for a share of the time that these readers took, at
    most ``rest`` seconds: so they leave some of the loop's time to others, and get the fewer
    wake-ups, each with the more events, the more of them there are.
    """

    def __init__(
        self,
        events: EventLog,
        notifier: Notifier,
        stream: str,
        capacity: int,
        crowd: int,
        rest: float,
    ) -> None:
        self.name = stream
        self.encoders: Counter[Encode] = Counter()  # how many readers use each
        self.ring = Ring(0, capacity)
        self._log = events
        self._crowd = crowd
        self._rest = rest
        self._woken = asyncio.Event()
        self._waiting: list[tuple[float, asyncio.Future[bool]]] = []
        self._sweep: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        # Watch first, then read the head: what comes in between wakes.
        self._unwatch = notifier.watch(stream, self._woken.set)
        self._opening = self._loop.create_task(self._open(capacity))
        self._pumping: asyncio.Task[None] | None = None

    async def opened(self) -> None:
        """Wait until the ring is in use. Raises ``Unavailable`` when the log cannot be read."""
        await asyncio.shield(self._opening)

    async def grown(self, timeout: float) -> bool:
        """Wait until there is more in the ring; False after about ``timeout`` seconds."""
        deadline = self._loop.time() + timeout
        turn: asyncio.Future[bool] = self._loop.create_future()
        self._waiting.append((deadline, turn))
        if self._sweep is None or self._sweep.when() > deadline:
            self._sweep_at(deadline)
        return await turn

    def close(self) -> None:
        """Stop reading the log."""
        self._unwatch()
        self._opening.cancel()
        if self._pumping is not None:
            self._pumping.cancel()
        if self._sweep is not None:
            self._sweep.cancel()

    async def _open(self, capacity: int) -> None:
        self.ring = Ring(await self._log.head(self.name), capacity)
        self._pumping = self._loop.create_task(self._pump())

    async def _pump(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self._catch_up()
            except LemnosError as error:
                log.warning("cannot read events at the moment: %s", error)
                self._woken.set()
                await asyncio.sleep(_RETRY)
            if self.encoders.total() > self._crowd:
                began = self._loop.time()
                await asyncio.sleep(0)  # comes back after the readers that were let go
                await asyncio.sleep(min((self._loop.time() - began) * _RESTED, self._rest))

    async def _catch_up(self) -> None:
        while True:
            fresh = await self._log.read(self.name, self.ring.last, _CHUNK)
            if fresh:
                self.ring.extend(fresh)
                self._release()
            if len(fresh) < _CHUNK:
                return

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, []
        for _, turn in waiting:
            if not turn.done():  # its reader may have gone
                turn.set_result(True)

    def _sweep_at(self, moment: float) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        self._sweep = self._loop.call_at(moment, self._give_heartbeats)

    def _give_heartbeats(self) -> None:
        """One timer for all readers: a timer each would cost more than their frames."""
        now = self._loop.time()
        self._sweep = None
        left = []
        for deadline, turn in self._waiting:
            if turn.done():
                continue
            if deadline <= now:
                turn.set_result(False)
            else:
                left.append((deadline, turn))
        self._waiting = left
        if left:
            self._sweep_at(max(min(deadline for deadline, _ in left), now + _SWEEP))
