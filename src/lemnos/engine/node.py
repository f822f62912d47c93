"""The parts of the engine that live from start to drain, and the order in which they do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lemnos.engine.execution import Runner
from lemnos.engine.maintenance import Upkeep
from lemnos.engine.membership import Membership
from lemnos.engine.model import Kind
from lemnos.engine.relay import Relay
from lemnos.platform.db import Database

if TYPE_CHECKING:
    from lemnos.engine.durable import Durable

_CLEAN_UP = 5.0  # seconds that cancelled handlers get


class Node:
    """A running node. See :class:`~lemnos.engine.engine.DurableEngine` for the values."""

    def __init__(
        self,
        database: Database,
        durable: Durable,
        *,
        lease: str,
        name: str,
        kinds: Mapping[str, Kind],
        places: Mapping[str, int],
        patience: float,
        keep_days: float,
    ) -> None:
        self._durable = durable
        self._upkeep = Upkeep(database, durable, keep_days)
        self._membership = Membership(
            database,
            lease,
            name,
            patience=patience,
            on_lost=self._drop,
            on_buried=self.wake,
        )
        self._runner = Runner(database, durable, self._membership.hold)
        self._relay = Relay(database, self._runner, lease, kinds, places)
        self._tidying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Join, and take up work."""
        await self._membership.join()
        self._relay.start()
        self._tidying = asyncio.create_task(self._upkeep.run(), name="engine-upkeep")

    async def stop(self, timeout: float) -> None:
        """Take no new jobs, wait up to ``timeout`` seconds, cut off the rest, and leave."""
        if self._tidying is not None:
            self._tidying.cancel()
            await asyncio.wait([self._tidying])
        await self._relay.stop()
        await self._relay.finish(timeout)
        self._runner.cut_off(close=True)
        await self._relay.finish(_CLEAN_UP)
        await self._membership.leave()
        await self._durable.stop()

    def wake(self) -> None:
        """A job was committed, or given back by another node."""
        self._relay.wake()

    async def _drop(self) -> None:
        self._runner.cut_off(close=False)
        await self._relay.finish(_CLEAN_UP)
