"""This node among the others: a lease kept by a heartbeat, and a leader that buries the dead.

A node whose heartbeat stays away is taken for dead: its lease is ended, and its jobs go on
elsewhere. It may be alive all the same (a stalled loop, a cut cable). Then it starts no step
once its lease may be over, its writes meet ``Steps.fence``, its records are refused, and when it
finds the lease gone it drops its jobs and takes out the lease anew.

On SQLite there is one node, and its lease ends when the next process starts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from lemnos.engine import store
from lemnos.kernel import clock
from lemnos.kernel.errors import Unavailable
from lemnos.platform.db import Database

_log = logging.getLogger(__name__)
_LEAVE = 5.0  # seconds: a shutdown does not wait for a database that is away
_BEATS = 6  # heartbeats in the time after which a node is taken for dead


class Membership:
    """Keeps a lease. ``patience``: seconds of silence after which a node is taken for dead.

    ``on_lost`` drops what runs here; ``on_buried``: jobs of dead nodes are waiting again.
    """

    def __init__(
        self,
        database: Database,
        lease: str,
        name: str,
        *,
        patience: float,
        on_lost: Callable[[], Awaitable[None]],
        on_buried: Callable[[], None],
    ) -> None:
        self._database = database
        self._lease = lease
        self._name = name
        self._patience = patience
        self._on_lost = on_lost
        self._on_buried = on_buried
        self._renewed = asyncio.Event()
        self._renewed_at = 0.0
        self._steady_since = 0.0
        self._task: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Take out the lease, and take back what an earlier process of this name was doing."""
        await self._join(first=True)
        self._steady_since = time.monotonic()
        if self._database.dialect == "postgresql":
            self._task = asyncio.create_task(self._watch(), name="engine-heartbeat")

    async def leave(self) -> None:
        """End the lease and give back its jobs."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        try:
            async with asyncio.timeout(_LEAVE):
                await self._database.write(lambda tx: store.leave(tx, self._lease))
        except (Unavailable, TimeoutError):
            _log.warning("the lease could not be given back; it will run out")

    async def hold(self) -> None:
        """Return at once while the lease is sure; else wait until it is renewed."""
        while self._task is not None and self._expired():
            self._renewed.clear()
            await self._renewed.wait()

    def _expired(self) -> bool:
        return time.monotonic() - self._renewed_at > self._patience

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._patience / _BEATS)
            try:
                await self._beat()
                await self._lead()
            except Exception:
                # An outage silences all nodes alike: nobody may be buried soon after it.
                self._steady_since = time.monotonic()
                _log.warning("heartbeat failed", exc_info=True)

    async def _beat(self) -> None:
        begun = time.monotonic()
        if begun - self._renewed_at > self._patience:
            self._steady_since = begun
        if await self._database.write(lambda tx: store.beat(tx, self._lease)):
            self._renew(begun)
            return
        _log.warning("this node was taken for dead; its jobs have gone to others")
        await self._on_lost()
        await self._join(first=False)

    async def _lead(self) -> None:
        if time.monotonic() - self._steady_since < self._patience:
            return
        patience = int(self._patience * clock.SECOND)
        buried = await self._database.write(lambda tx: store.bury_silent(tx, patience))
        if buried:
            _log.warning("took over from silent nodes: %s", ", ".join(buried))
            self._on_buried()

    async def _join(self, *, first: bool) -> None:
        begun, now = time.monotonic(), clock.now()
        await self._database.write(
            lambda tx: store.join(tx, self._lease, self._name, now, first=first)
        )
        self._renew(begun)

    def _renew(self, begun: float) -> None:
        self._renewed_at = begun
        self._renewed.set()
