"""How much work of a tenant waits and runs in a queue, and how long it waited lately."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, Float, Text, bindparam, cast, func, literal_column, or_, select
from sqlalchemy.sql import ColumnElement

from lemnos.engine.model import JobState
from lemnos.engine.tables import jobs
from lemnos.kernel import clock
from lemnos.platform.db import Database, Query

LATELY = 3600 * clock.SECOND


@dataclass(frozen=True, slots=True)
class Backlog:
    """Jobs of one tenant in one queue. ``avg_wait_ms``: from when a job was due until it began.

    The mean is over those that run and those that ended in the last hour; None without any.
    """

    queued: int
    running: int
    avg_wait_ms: float | None


def _is(state: JobState) -> ColumnElement[bool]:
    # A literal, as the partial indexes are on it.
    return jobs.c.state == literal_column(f"'{state.value}'", Text())


_MINE = (
    jobs.c.tenant == bindparam("tenant", type_=Text),
    jobs.c.queue == bindparam("queue", type_=Text),
)
_QUEUED = Query(
    select(func.count().label("jobs")).where(
        *_MINE, or_(_is(JobState.QUEUED), _is(JobState.DELAYED))
    )
)
_RUNNING = Query(select(func.count().label("jobs")).where(*_MINE, _is(JobState.RUNNING)))
# A job that was due in its first try only: later ones wait by design.
_BEGUN = (jobs.c.started_at.is_not(None), jobs.c.attempts == 0)
_WAITED = cast(func.avg(jobs.c.started_at - jobs.c.run_at), Float).label("wait")
_OF_RUNNING = Query(
    select(func.count().label("jobs"), _WAITED).where(*_MINE, *_BEGUN, _is(JobState.RUNNING))
)
_OF_ENDED = Query(
    select(func.count().label("jobs"), _WAITED).where(
        *_MINE,
        *_BEGUN,
        jobs.c.ended_at.is_not(None),
        jobs.c.ended_at > bindparam("since", type_=BigInteger),
    )
)


async def read_backlog(db: Database, tenant: str, queue: str) -> Backlog:
    """Counted now, along the indexes on waiting, running and recently ended jobs."""
    mine = {"tenant": tenant, "queue": queue}
    queued, running = await db.one(_QUEUED, mine), await db.one(_RUNNING, mine)
    waits = [
        await db.one(_OF_RUNNING, mine),
        await db.one(_OF_ENDED, {**mine, "since": clock.now() - LATELY}),
    ]
    counted = [(row["jobs"], row["wait"]) for row in waits if row and row["jobs"]]
    total = sum(count for count, _ in counted)
    mean = sum(count * wait for count, wait in counted) / total / 1000 if total else None
    return Backlog(queued["jobs"] if queued else 0, running["jobs"] if running else 0, mean)
