"""Every statement on the tables ``jobs`` and ``nodes``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Integer,
    Text,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert  # SQLite's compiler takes it too
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from lemnos.engine.model import Claim, JobState
from lemnos.engine.port import POINT, Job, rank
from lemnos.engine.tables import jobs, nodes
from lemnos.platform.db import Database, Query, Row, Tx


class _database_now(FunctionElement[int]):  # noqa: N801 - named like the SQL function it is
    """Microseconds since the epoch by the database's clock, which all nodes share."""

    type = BigInteger()
    inherit_cache = True


@compiles(_database_now, "postgresql")
def _now_postgresql(*_: object, **__: object) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"


@compiles(_database_now, "sqlite")
def _now_sqlite(*_: object, **__: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


def _literal(state: JobState) -> ColumnElement[str]:
    # A bound parameter would keep the planners from the partial indexes.
    return literal_column(f"'{state.value}'", Text())


def _is(*states: JobState) -> ColumnElement[bool]:
    return or_(*(jobs.c.state == _literal(state) for state in states))


_NOW = bindparam("now", type_=BigInteger)
_NODE = bindparam("node", type_=Text)
_JOB = bindparam("job", type_=Text)
_QUEUE = bindparam("queue", type_=Text)
_COUNT = bindparam("count", type_=Integer)
_HELD = (
    (jobs.c.id == _JOB)
    & (jobs.c.node == _NODE)
    & (jobs.c.epoch == bindparam("held_epoch", type_=Integer))
    & _is(JobState.RUNNING)
)
_REQUEUED = {"state": _literal(JobState.QUEUED), "node": null(), "cut_off": 1}

_INSERT = Query(upsert(jobs).on_conflict_do_nothing(index_elements=["id"]))
_CANCEL = Query(
    update(jobs)
    .where(jobs.c.id == _JOB, _is(JobState.QUEUED, JobState.DELAYED))
    .values(state=_literal(JobState.CANCELLED), ended_at=_NOW)
)
# Who has given a job no rank of its own has it take its place from now on.
_FROM_NOW = _NOW + cast(jobs.c.priority, BigInteger) * literal_column(str(POINT), BigInteger)
_HASTEN = Query(
    update(jobs)
    .where(jobs.c.id == _JOB, _is(JobState.DELAYED))
    .values(
        state=_literal(JobState.QUEUED),
        run_at=_NOW,
        rank=case((jobs.c.rank < _FROM_NOW, jobs.c.rank), else_=_FROM_NOW),
    )
)
_PLACE = Query(
    select(jobs.c.queue, jobs.c.rank).where(
        jobs.c.id == _JOB, _is(JobState.QUEUED, JobState.DELAYED)
    )
)
_BEFORE = (
    select(jobs.c.id)
    .where(
        jobs.c.queue == _QUEUE,
        _is(JobState.QUEUED),
        tuple_(jobs.c.rank, jobs.c.id)
        < tuple_(bindparam("rank", type_=BigInteger), bindparam("job", type_=Text)),
    )
    .limit(_COUNT)
)
_POSITION = Query(select(func.count().label("before")).select_from(_BEFORE.subquery()))
_PROMOTE = Query(
    update(jobs)
    .where(_is(JobState.DELAYED), jobs.c.run_at <= _NOW)
    .values(state=_literal(JobState.QUEUED))
)
_OWNED = Query(select(jobs.c.id).where(_HELD).with_for_update(read=True))
_DONE = Query(update(jobs).where(_HELD).values(state=_literal(JobState.DONE), ended_at=_NOW))
_FAIL = Query(
    update(jobs)
    .where(_HELD)
    .values(
        state=_literal(JobState.FAILED),
        attempts=jobs.c.attempts + 1,
        error=bindparam("message", type_=Text),
        ended_at=_NOW,
    )
)
_RETRY = Query(
    update(jobs)
    .where(_HELD)
    .values(
        state=_literal(JobState.DELAYED),
        node=null(),
        attempts=jobs.c.attempts + 1,
        error=bindparam("message", type_=Text),
        run_at=bindparam("again_at", type_=BigInteger),
    )
)
_RELEASE = Query(update(jobs).where(_HELD).values(**_REQUEUED))
_HELD_BY_NODE = Query(
    select(jobs.c.id, jobs.c.epoch).where(_is(JobState.RUNNING), jobs.c.node == _NODE)
)
_RELEASE_NODE = Query(
    update(jobs).where(_is(JobState.RUNNING), jobs.c.node == _NODE).values(**_REQUEUED)
)
_RELEASE_ORPHANS = Query(
    update(jobs)
    .where(_is(JobState.RUNNING), jobs.c.node.not_in(select(nodes.c.id)))
    .values(**_REQUEUED)
)
_JOIN = Query(
    insert(nodes).values(
        id=_NODE, name=bindparam("name"), started_at=_NOW, heartbeat_at=_database_now()
    )
)
_BEAT = Query(update(nodes).where(nodes.c.id == _NODE).values(heartbeat_at=_database_now()))
_LEASES = Query(select(nodes.c.id))
_LEAVE = Query(delete(nodes).where(nodes.c.id == _NODE))
_FORGET_NAME = Query(delete(nodes).where(nodes.c.name == bindparam("name", type_=Text)))
_FORGET_SILENT = Query(
    delete(nodes)
    .where(nodes.c.heartbeat_at < _database_now() - bindparam("patience", type_=BigInteger))
    .returning(nodes.c.id)
)
_LEAD = Query(
    select(func.pg_try_advisory_xact_lock(bindparam("key", type_=BigInteger)).label("won"))
)
_ENDED = Query(
    select(jobs.c.id)
    .where(jobs.c.ended_at.is_not(None), jobs.c.ended_at < bindparam("before", type_=BigInteger))
    .order_by(jobs.c.ended_at)
    .limit(_COUNT)
)
_DELETE = Query(delete(jobs).where(jobs.c.id == _JOB))
_COUNT_CAP = 10_000  # jobs before another that are counted
_LEADER_LOCK = 0x6C656D6E6F73  # "lemnos"


class Board:
    """The waiting jobs that this node can run: of its kinds, by queue."""

    def __init__(self, queues: Sequence[str], kinds: Iterable[str]) -> None:
        # A node of an older version must leave alone what only the newer one knows.
        known = jobs.c.kind.in_([literal_column(_quoted(kind), Text()) for kind in sorted(kinds)])
        ready = [
            exists().where(
                _is(JobState.QUEUED),
                jobs.c.queue == literal_column(_quoted(queue), Text()),
                known,
            )
            for queue in queues
        ]
        due = select(func.min(jobs.c.run_at)).where(_is(JobState.DELAYED)).scalar_subquery()
        self._queues = tuple(queues)
        self._look = Query(select(due, *(case((found, 1), else_=0) for found in ready)))
        self._claim = Query(_claim_statement(known))

    @property
    def look(self) -> Query:
        """Reads one row for :meth:`seen`."""
        return self._look

    def seen(self, row: Row) -> tuple[int | None, list[str]]:
        """When the next delayed job is due (microseconds), and the queues with ready jobs."""
        return row[0], [queue for queue, found in zip(self._queues, row[1:], strict=True) if found]

    async def claim(self, tx: Tx, queue: str, node: str, count: int, now: int) -> list[Claim]:
        """Take up to ``count`` jobs of a queue, first in rank first."""
        rows = await tx.all(self._claim, {"queue": queue, "node": node, "count": count, "now": now})
        return sorted((_claim(row) for row in rows), key=lambda claim: (claim.rank, claim.job.id))


def _claim_statement(known: ColumnElement[bool]) -> Any:
    alive = exists().where(nodes.c.id == _NODE)  # a node taken for dead gets nothing
    picked = (
        select(jobs.c.id)
        .where(jobs.c.queue == _QUEUE, _is(JobState.QUEUED), known, alive)
        .order_by(jobs.c.rank, jobs.c.id)
        .limit(_COUNT)
        .with_for_update(skip_locked=True, of=jobs)
        .cte("picked")
    )
    return (
        update(jobs)
        .where(jobs.c.id.in_(select(picked.c.id)))
        .values(
            state=_literal(JobState.RUNNING),
            node=_NODE,
            epoch=jobs.c.epoch + 1,
            started_at=func.coalesce(jobs.c.started_at, _NOW),
        )
        .returning(*jobs.c)
    )


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"


def _claim(row: Row) -> Claim:
    payload = msgspec.json.decode(row["payload"])
    place = (row["run_at"], row["priority"], row["rank"])
    return Claim(
        Job(row["id"], row["kind"], row["tenant"], payload, *place),
        row["queue"],
        row["rank"],
        row["node"],
        row["epoch"],
        row["attempts"],
        bool(row["cut_off"]),
    )


def _held(claim: Claim) -> dict[str, Any]:
    return {"job": claim.job.id, "node": claim.node, "held_epoch": claim.epoch}


async def insert_job(tx: Tx, job: Job, queue: str, now: int) -> None:
    """Add a waiting job, when the transaction ends. An id that is known already is ignored."""
    run_at = now if job.run_at is None else job.run_at
    state = JobState.DELAYED if run_at > now else JobState.QUEUED
    params = {
        "id": job.id,
        "tenant": job.tenant,
        "kind": job.kind,
        "queue": queue,
        "payload": msgspec.json.encode(job.payload).decode(),
        "priority": job.priority,
        "rank": rank(run_at, job.priority) if job.rank is None else job.rank,
        "run_at": run_at,
        "state": state.value,
        "node": None,
        "epoch": 0,
        "attempts": 0,
        "cut_off": 0,
        "error": None,
        "created_at": now,
        "started_at": None,
        "ended_at": None,
    }
    tx.defer(_INSERT, params)


async def cancel_job(tx: Tx, job_id: str, now: int) -> bool:
    """Withdraw a waiting job."""
    return await tx.run(_CANCEL, {"job": job_id, "now": now}) == 1


async def hasten_job(tx: Tx, job_id: str, now: int) -> bool:
    """Queue a delayed job before its time."""
    return await tx.run(_HASTEN, {"job": job_id, "now": now}) == 1


async def position(database: Database, job_id: str) -> int | None:
    """How many go before a waiting job; None for one that does not wait."""
    place = await database.one(_PLACE, {"job": job_id})
    if place is None:
        return None
    return await ahead_of(database, place["queue"], place["rank"], job_id)


async def ahead_of(database: Database, queue: str, rank: int, job_id: str = "") -> int:
    """How many queued jobs come before a place; ``job_id`` tells apart those of equal rank."""
    params = {"queue": queue, "rank": rank, "job": job_id, "count": _COUNT_CAP}
    row = await database.one(_POSITION, params)
    return int(row["before"]) if row else 0


async def promote_due(tx: Tx, now: int) -> None:
    """Queue the delayed jobs whose time has come."""
    await tx.run(_PROMOTE, {"now": now})


async def owned(tx: Tx, claim: Claim) -> bool:
    """Whether the claim still holds; if so it does until the transaction ends."""
    return await tx.one(_OWNED, _held(claim)) is not None


async def set_done(tx: Tx, claim: Claim, now: int) -> bool:
    """End a job well. False when the claim is void."""
    return await tx.run(_DONE, {**_held(claim), "now": now}) == 1


async def set_failed(tx: Tx, claim: Claim, message: str, now: int) -> bool:
    """End a job for good. False when the claim is void."""
    return await tx.run(_FAIL, {**_held(claim), "message": message, "now": now}) == 1


async def set_retry(tx: Tx, claim: Claim, message: str, again_at: int) -> bool:
    """Let a job wait for its next try. False when the claim is void."""
    params = {**_held(claim), "message": message, "again_at": again_at}
    return await tx.run(_RETRY, params) == 1


async def release(tx: Tx, claim: Claim) -> None:
    """Give back a job whose run was cut off."""
    await tx.run(_RELEASE, _held(claim))


async def release_strays(tx: Tx, node: str, running: dict[str, int]) -> None:
    """Give back what the table says that this node runs, but which it does not know of.

    A claim whose commit was not acknowledged leaves such rows. ``running``: job id to epoch.
    """
    for row in await tx.all(_HELD_BY_NODE, {"node": node}):
        if running.get(row["id"]) != row["epoch"]:
            held = {"job": row["id"], "node": node, "held_epoch": row["epoch"]}
            await tx.run(_RELEASE, held)


async def join(tx: Tx, node: str, name: str, now: int, *, first: bool) -> None:
    """Take out a lease. ``first``: what earlier processes of that name held is given back."""
    if first:
        await tx.run(_FORGET_NAME, {"name": name})
    await tx.run(_JOIN, {"node": node, "name": name, "now": now})
    if first:
        await tx.run(_RELEASE_ORPHANS)


async def beat(tx: Tx, node: str) -> bool:
    """Renew the lease. False when it is gone."""
    return await tx.run(_BEAT, {"node": node}) == 1


async def leave(tx: Tx, node: str) -> None:
    """Give back lease and jobs."""
    await tx.run(_RELEASE_NODE, {"node": node})
    await tx.run(_LEAVE, {"node": node})


async def leases(tx: Tx) -> set[str]:
    """All leases."""
    return {row["id"] for row in await tx.all(_LEASES)}


async def bury_silent(tx: Tx, patience: int) -> list[str]:
    """As the leader, end the leases that are silent for ``patience`` microseconds.

    Returns them. Jobs of theirs, or of any other lease that is no more, are queued again.
    PostgreSQL only; does nothing while another node leads.
    """
    lead = await tx.one(_LEAD, {"key": _LEADER_LOCK})
    if lead is None or not lead["won"]:
        return []
    silent = [row["id"] for row in await tx.all(_FORGET_SILENT, {"patience": patience})]
    await tx.run(_RELEASE_ORPHANS)
    return silent


async def ended_before(tx: Tx, before: int, count: int) -> list[str]:
    """Ids of jobs that ended before a time, oldest first."""
    return [row["id"] for row in await tx.all(_ENDED, {"before": before, "count": count})]


async def delete_jobs(tx: Tx, job_ids: Sequence[str]) -> None:
    """Delete jobs by id."""
    await tx.many(_DELETE, [{"job": job_id} for job_id in job_ids])
