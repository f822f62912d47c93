"""The parts of the engine that live from start to drain, and the order in which they do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lemnos.engine.execution import Runner
from lemnos.engine.maintenance import keep_tidy
from lemnos.engine.membership import Membership
from lemnos.engine.model import Kind
from lemnos.engine.relay import Relay
from lemnos.platform.db import Database

if TYPE_CHECKING:
    from lemnos.engine.durable import Durable

_log = logging.getLogger(__name__)
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
        self._database = database
        self._durable = durable
        self._keep_days = keep_days
        self._membership = Membership(
            database,
            lease,
            name,
            patience=patience,
            on_lost=self._drop,
            on_buried=self._inherit,
        )
        self._runner = Runner(database, durable, self._membership.hold)
        self._relay = Relay(database, self._runner, lease, kinds, places)
        self._upkeep: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Join, and take up work."""
        await self._membership.join()
        self._relay.start()
        self._upkeep = asyncio.create_task(
            keep_tidy(self._database, self._durable.forget, self._keep_days), name="engine-upkeep"
        )

    async def stop(self, timeout: float) -> None:
        """Take no new jobs, wait up to ``timeout`` seconds, cut off the rest, and leave."""
        if self._upkeep is not None:
            self._upkeep.cancel()
            await asyncio.wait([self._upkeep])
        await self._relay.stop()
        await self._relay.finish(timeout)
        self._runner.cut_off(close=True)
        await self._relay.finish(_CLEAN_UP)
        await self._membership.leave()
        await self._durable.stop()

    def wake(self) -> None:
        """A job was committed."""
        self._relay.wake()

    async def _drop(self) -> None:
        self._runner.cut_off(close=False)
        await self._relay.finish(_CLEAN_UP)

    async def _inherit(self, buried: list[str]) -> None:
        self._relay.wake()
        for lease in buried:
            await self._durable.forget_executor(lease)
