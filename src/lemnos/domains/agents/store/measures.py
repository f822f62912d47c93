"""What attempts, judgements and probes add up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from lemnos.domains.agents.breaker import NOT_ITS_FAULT
from lemnos.domains.agents.measures import Figures
from lemnos.domains.agents.model import Agent, Health, Probe
from lemnos.domains.agents.ports import Verdict
from lemnos.domains.agents.tables import agents, attempts, judgements, probes
from lemnos.kernel.clock import SECOND
from lemnos.platform.db import Database, Query, Row, Tx

_A, _T, _J, _P = agents.c, attempts.c, judgements.c, probes.c
HOUR = 3600 * SECOND

_COMPLETED = _T.verdict == Verdict.COMPLETED.value
# As breaker.says has it, in SQL.
_FAILED = and_(
    or_(_T.verdict == Verdict.FAILED.value, _T.verdict == Verdict.TIMED_OUT.value),
    *(_T.error_class != one.value for one in sorted(NOT_ITS_FAULT)),
    _T.interrupted == 0,
)
_SINCE = (_T.tenant == bindparam("tenant"), _T.started_at >= bindparam("since"))
_JUDGED_SINCE = (_J.tenant == bindparam("tenant"), _J.at >= bindparam("since"))


def _count(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


_SUMS = (
    func.count(func.distinct(_T.task_id + "/" + cast(_T.iteration, Text))).label("tasks"),
    func.count().label("attempts"),
    _count(_COMPLETED).label("completed"),
    _count(_FAILED).label("failures"),
    func.coalesce(func.sum(_T.cost_usd), 0).label("cost_usd"),
    func.coalesce(func.sum(_T.input_tokens), 0).label("input_tokens"),
    func.coalesce(func.sum(_T.output_tokens), 0).label("output_tokens"),
    func.avg(case((_COMPLETED, _T.ended_at - _T.started_at))).label("duration"),
    func.avg(_T.first_response_ms).label("response_ms"),
)
_JUDGED = (func.count().label("judgements"), func.avg(_J.passed).label("favour"))

_RUNNING = Query(
    select(_T.agent_id, func.count().label("n"))
    .where(_T.tenant == bindparam("tenant"), _T.ended_at.is_(None))
    .group_by(_T.agent_id)
)
_STARTED = Query(select(_T.agent_id, func.count().label("n")).where(*_SINCE).group_by(_T.agent_id))

_SAVE = upsert(judgements)
_JUDGE = Query(
    _SAVE.on_conflict_do_update(
        index_elements=["task_id", "iteration", "kind"],
        set_={name: _SAVE.excluded[name] for name in ("agent_id", "passed", "at")},
    )
)

_PROBED = Query(insert(probes))
_UP = _count(_P.status != Health.OFFLINE.value).label("up")
_PROBES_SINCE = (_P.tenant == bindparam("tenant"), _P.at >= bindparam("since"))
_PRUNE = Query(delete(probes).where(_P.at < bindparam("before")))
_FORGET = Query(
    delete(probes).where(_P.tenant == bindparam("tenant"), _P.agent_id == bindparam("agent_id"))
)


class MeasureStore:
    """Sums over a tenant's attempts, judgements and probes. ``agent_id`` empty: of all agents."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def by_agent(
        self, tenant: str, since: int, agent_id: str = "", *, registered: bool = False
    ) -> Mapping[str, Figures]:
        """What each agent's attempts came to since then.

        ``registered``: only of agents in the registry, and only since they are in it, so that
        one does not inherit what an earlier one of its id has done.
        """
        key = _key(tenant, since, agent_id)
        shape = (bool(agent_id), registered)
        sums = {row["agent_id"]: row for row in await self._db.scan(_by_agent(*shape), key)}
        judged = {row["agent_id"]: row for row in await self._db.scan(_judged(*shape), key)}
        return {name: _figures(sums.get(name), judged.get(name)) for name in {**sums, **judged}}

    async def total(self, tenant: str, since: int, agent_id: str = "") -> Figures:
        """All together."""
        key = _key(tenant, since, agent_id)
        (sums,) = await self._db.scan(_together(bool(agent_id)), key)
        (judged,) = await self._db.scan(_judged_together(bool(agent_id)), key)
        return _figures(sums, judged)

    async def by_hour(self, tenant: str, since: int, agent_id: str = "") -> Mapping[int, Figures]:
        """By the hour in which attempts began: its start."""
        rows = await self._db.scan(_by_hour(bool(agent_id)), _key(tenant, since, agent_id))
        return {row["hour"] * HOUR: _figures(row, None) for row in rows}

    async def errors(self, tenant: str, since: int, agent_id: str = "") -> Mapping[str, int]:
        """How many attempts failed, by error class."""
        rows = await self._db.scan(_errors(bool(agent_id)), _key(tenant, since, agent_id))
        return {row["error_class"]: row["n"] for row in rows}

    async def running(self, tenant: str) -> Mapping[str, int]:
        """The load of each agent that has any."""
        rows = await self._db.all(_RUNNING, {"tenant": tenant})
        return {row["agent_id"]: row["n"] for row in rows}

    async def started(self, tenant: str, since: int) -> Mapping[str, int]:
        """How many attempts each agent began since then."""
        rows = await self._db.all(_STARTED, _key(tenant, since))
        return {row["agent_id"]: row["n"] for row in rows}

    async def judge(self, tx: Tx, row: Mapping[str, Any]) -> None:
        """Store a judgement; a later one of its kind on the same iteration replaces it."""
        await tx.run(_JUDGE, row)

    async def add_probe(self, tx: Tx, agent: Agent, probe: Probe) -> None:
        """Insert a probe."""
        await tx.run(
            _PROBED,
            {
                "tenant": agent.tenant,
                "agent_id": agent.agent_id,
                "at": probe.at,
                "status": probe.status.value,
                "problem": probe.problem,
                "duration_ms": probe.duration_ms,
            },
        )

    async def uptimes(self, tenant: str, since: int, agent_id: str = "") -> Mapping[str, float]:
        """The share of probes since then that found an agent at work."""
        rows = await self._db.scan(_uptimes(bool(agent_id)), _key(tenant, since, agent_id))
        return {row["agent_id"]: row["up"] / row["n"] for row in rows}

    async def forget(self, tx: Tx, tenant: str, agent_id: str) -> None:
        """Delete an agent's probes."""
        await tx.run(_FORGET, {"tenant": tenant, "agent_id": agent_id})

    async def prune(self, before: int) -> int:
        """Delete the probes of all tenants from before a time; how many."""

        async def body(tx: Tx) -> int:
            return await tx.run(_PRUNE, {"before": before})

        return await self._db.write(body)


def _key(tenant: str, since: int, agent_id: str = "") -> dict[str, Any]:
    return {"tenant": tenant, "since": since} | ({"agent_id": agent_id} if agent_id else {})


@lru_cache(maxsize=4)
def _by_agent(one: bool, registered: bool) -> Query:
    chosen = select(_T.agent_id, *_SUMS).where(*_SINCE).group_by(_T.agent_id)
    if registered:
        chosen = _since_registered(chosen, attempts, _T.started_at)
    return Query(chosen.where(_T.agent_id == bindparam("agent_id")) if one else chosen)


@lru_cache(maxsize=4)
def _judged(one: bool, registered: bool) -> Query:
    chosen = select(_J.agent_id, *_JUDGED).where(*_JUDGED_SINCE).group_by(_J.agent_id)
    if registered:
        chosen = _since_registered(chosen, judgements, _J.at)
    return Query(chosen.where(_J.agent_id == bindparam("agent_id")) if one else chosen)


def _since_registered(chosen: Select[Any], table: Table, at: ColumnElement[int]) -> Select[Any]:
    same = (_A.tenant == table.c.tenant, _A.agent_id == table.c.agent_id)
    return chosen.join_from(table, agents, and_(*same, at >= _A.registered_at))


@lru_cache(maxsize=2)
def _together(one: bool) -> Query:
    chosen = select(*_SUMS).where(*_SINCE)
    return Query(chosen.where(_T.agent_id == bindparam("agent_id")) if one else chosen)


@lru_cache(maxsize=2)
def _judged_together(one: bool) -> Query:
    chosen = select(*_JUDGED).where(*_JUDGED_SINCE)
    return Query(chosen.where(_J.agent_id == bindparam("agent_id")) if one else chosen)


@lru_cache(maxsize=2)
def _by_hour(one: bool) -> Query:
    hours = _T.started_at.op("/")(literal_column(str(HOUR))).label("hour")
    chosen = select(hours, *_SUMS).where(*_SINCE).group_by(hours)
    return Query(chosen.where(_T.agent_id == bindparam("agent_id")) if one else chosen)


@lru_cache(maxsize=2)
def _errors(one: bool) -> Query:
    chosen = select(_T.error_class, func.count().label("n")).where(*_SINCE, _FAILED)
    chosen = chosen.group_by(_T.error_class)
    return Query(chosen.where(_T.agent_id == bindparam("agent_id")) if one else chosen)


@lru_cache(maxsize=2)
def _uptimes(one: bool) -> Query:
    chosen = select(_P.agent_id, func.count().label("n"), _UP).where(*_PROBES_SINCE)
    chosen = chosen.group_by(_P.agent_id)
    return Query(chosen.where(_P.agent_id == bindparam("agent_id")) if one else chosen)


def _figures(sums: Row | None, judged: Row | None) -> Figures:
    """PostgreSQL's sums and means are decimals."""
    measured = Figures()
    if sums:
        measured = Figures(
            tasks=sums["tasks"],
            attempts=sums["attempts"],
            completed=int(sums["completed"]),
            failures=int(sums["failures"]),
            cost_usd=float(sums["cost_usd"]),
            input_tokens=int(sums["input_tokens"]),
            output_tokens=int(sums["output_tokens"]),
            avg_duration_ms=_scaled(sums["duration"], 0.001),
            avg_response_ms=_scaled(sums["response_ms"], 1.0),
        )
    if not judged or not judged["judgements"]:
        return measured
    quality = _scaled(judged["favour"], 100.0)
    return replace(measured, quality=quality, judgements=judged["judgements"])


def _scaled(mean: Any, factor: float) -> float | None:
    return None if mean is None else float(mean) * factor
