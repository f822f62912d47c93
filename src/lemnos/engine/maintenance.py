"""Retention: what has ended is deleted after a while, in batches that nobody has to wait for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from lemnos.engine import store
from lemnos.kernel import clock
from lemnos.platform.db import Database

_log = logging.getLogger(__name__)
_BATCH = 200
_PAUSE = 0.05  # seconds between batches
_HOUR = 3600.0
_DAY = 86_400 * clock.SECOND


async def delete_ended(
    database: Database, forget: Callable[[Sequence[str]], Awaitable[None]], before: int
) -> int:
    """Delete the jobs that ended before a time (microseconds), and the records of their steps.

    ``forget`` deletes the records. They go first, so that a crash in between leaves a job
    without records, which the next pass finds, and never records without a job.
    """
    deleted = 0
    while True:
        batch = await database.write(lambda tx: store.ended_before(tx, before, _BATCH))
        if not batch:
            return deleted
        await forget(batch)
        await database.write(lambda tx, ids=batch: store.delete_jobs(tx, ids))  # type: ignore[misc]
        deleted += len(batch)
        await asyncio.sleep(_PAUSE)


async def keep_tidy(
    database: Database, forget: Callable[[Sequence[str]], Awaitable[None]], days: float
) -> None:
    """Every hour, delete what ended more than so many days ago. Runs until cancelled."""
    while True:
        try:
            deleted = await delete_ended(database, forget, clock.now() - int(days * _DAY))
            if deleted:
                _log.info("deleted %d ended jobs", deleted)
        except Exception:
            _log.warning("retention will try again", exc_info=True)
        await asyncio.sleep(_HOUR)
