"""Retention: what has ended is deleted after a while, in batches that nobody has to wait for."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from lemnos.engine import store
from lemnos.kernel import clock
from lemnos.platform.db import Database, Tx

if TYPE_CHECKING:
    from lemnos.engine.durable import Durable

_log = logging.getLogger(__name__)
_BATCH = 200
_PAUSE = 0.05  # seconds between batches
_HOUR = 3600.0
_DAY = 86_400 * clock.SECOND


class Upkeep:
    """Keeps the engine's tables small. ``keep_days``: how long ended jobs are kept."""

    def __init__(self, database: Database, durable: Durable, keep_days: float) -> None:
        self._database = database
        self._durable = durable
        self._keep = int(keep_days * _DAY)
        self._missing: set[str] = set()

    async def run(self) -> None:
        """Every hour, tidy up. Runs until cancelled."""
        while True:
            try:
                await self.delete_ended(clock.now() - self._keep)
                await self.forget_dead()
            except Exception:
                _log.warning("the engine's upkeep will try again", exc_info=True)
            await asyncio.sleep(_HOUR)

    async def delete_ended(self, before: int) -> int:
        """Delete the jobs that ended before a time (microseconds), and the records of their steps.

        The records go first: a crash in between leaves a job without records, which the next
        pass finds, and never records without a job. Returns the number of jobs.
        """
        deleted = 0
        while batch := await self._ended(before):
            await self._durable.forget(batch)
            await self._delete(batch)
            deleted += len(batch)
            await asyncio.sleep(_PAUSE)
        return deleted

    async def forget_dead(self) -> None:
        """Forget the processes that have had no lease at this pass and the one before.

        Not at once: a node that was taken for dead may be about to take out its lease again.
        """
        leases = await self._database.write(store.leases)
        missing = await self._durable.executors() - leases
        for executor in missing & self._missing:
            await self._durable.forget_executor(executor)
        self._missing = missing

    async def _ended(self, before: int) -> list[str]:
        return await self._database.write(lambda tx: store.ended_before(tx, before, _BATCH))

    async def _delete(self, job_ids: list[str]) -> None:
        async def body(tx: Tx) -> None:
            await store.delete_jobs(tx, job_ids)

        await self._database.write(body)
