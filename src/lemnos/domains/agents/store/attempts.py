"""Attempts: an agent's load while they run, its record afterwards."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, func, insert, select, update

from lemnos.domains.agents.model import Attempt
from lemnos.domains.agents.ports import ErrorClass, Verdict
from lemnos.domains.agents.tables import attempts
from lemnos.platform.db import Database, Query, Row, Tx

_T = attempts.c
_TENANT = _T.tenant == bindparam("tenant")
_AGENT = (_TENANT, _T.agent_id == bindparam("agent_id"))
_OPEN = _T.ended_at.is_(None)

_INSERT = Query(insert(attempts))
_GET = Query(select(attempts).where(_TENANT, _T.id == bindparam("id")))
_OF_TASK = Query(
    select(attempts)
    .where(_TENANT, _T.task_id == bindparam("task_id"))
    .order_by(_T.iteration, _T.number, _T.id)
)
_OPEN_OF_TASK = Query(
    select(attempts)
    .where(
        _TENANT,
        _T.task_id == bindparam("task_id"),
        _T.iteration == bindparam("iteration"),
        _OPEN,
    )
    .order_by(_T.agent_id, _T.id)  # one order for all, so that locks are taken in one
)
_OPEN_OF_AGENT = Query(select(attempts).where(*_AGENT, _OPEN))
_OPEN_SINCE_BEFORE = Query(
    select(attempts).where(_OPEN, _T.started_at < bindparam("before")).order_by(_T.agent_id, _T.id)
)
_IS_OPEN = Query(select(_T.id).where(_TENANT, _T.id == bindparam("id"), _OPEN))
_RUNNING = Query(select(func.count().label("n")).where(*_AGENT, _OPEN))
_STARTED = Query(select(func.count().label("n")).where(*_AGENT, _T.started_at > bindparam("since")))
_ENDING = (
    "ended_at",
    "verdict",
    "error_class",
    "error",
    "interrupted",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "first_response_ms",
)
_CLOSE = Query(
    update(attempts)
    .where(_T.id == bindparam("p_id"), _OPEN)
    .values({name: bindparam(name) for name in _ENDING})
)


class AttemptStore:
    """Attempts of agents at tasks."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, tx: Tx, attempt: Attempt) -> None:
        """Insert one that begins."""
        await tx.run(_INSERT, _row(attempt))

    async def get(self, tx: Tx, tenant: str, attempt_id: str) -> Attempt | None:
        """One, or None."""
        row = await tx.one(_GET, {"tenant": tenant, "id": attempt_id})
        return _attempt(row) if row else None

    async def close(self, tx: Tx, attempt: Attempt) -> bool:
        """Store how it ended; False when it had been closed before."""
        row = _row(attempt)
        values = {name: row[name] for name in _ENDING}
        return await tx.run(_CLOSE, {"p_id": attempt.id, **values}) > 0

    async def of_task(self, tenant: str, task_id: str) -> tuple[Attempt, ...]:
        """All attempts at a task, in order."""
        rows = await self._db.all(_OF_TASK, {"tenant": tenant, "task_id": task_id})
        return tuple(_attempt(row) for row in rows)

    async def open_of_task(
        self, tx: Tx, tenant: str, task_id: str, iteration: int
    ) -> tuple[Attempt, ...]:
        """Those at an iteration that have not ended."""
        key = {"tenant": tenant, "task_id": task_id, "iteration": iteration}
        return tuple(_attempt(row) for row in await tx.all(_OPEN_OF_TASK, key))

    async def open_of_agent(self, tx: Tx, tenant: str, agent_id: str) -> tuple[Attempt, ...]:
        """Those of an agent that have not ended."""
        key = {"tenant": tenant, "agent_id": agent_id}
        return tuple(_attempt(row) for row in await tx.all(_OPEN_OF_AGENT, key))

    async def open_before(self, tx: Tx, before: int) -> tuple[Attempt, ...]:
        """Those of all tenants that began before a time and have not ended."""
        return tuple(_attempt(row) for row in await tx.all(_OPEN_SINCE_BEFORE, {"before": before}))

    async def is_open(self, tenant: str, attempt_id: str) -> bool:
        """Whether it has not ended."""
        return await self._db.one(_IS_OPEN, {"tenant": tenant, "id": attempt_id}) is not None

    async def running(self, tenant: str, agent_id: str, tx: Tx | None = None) -> int:
        """An agent's load: how many have not ended."""
        row = await (tx or self._db).one(_RUNNING, {"tenant": tenant, "agent_id": agent_id})
        return int(row["n"]) if row else 0

    async def started(self, tenant: str, agent_id: str, since: int, tx: Tx | None = None) -> int:
        """How many of an agent began after a time."""
        key = {"tenant": tenant, "agent_id": agent_id, "since": since}
        row = await (tx or self._db).one(_STARTED, key)
        return int(row["n"]) if row else 0


def _row(attempt: Attempt) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "tenant": attempt.tenant,
        "agent_id": attempt.agent_id,
        "task_id": attempt.task_id,
        "iteration": attempt.iteration,
        "number": attempt.number,
        "tier": attempt.tier,
        "started_at": attempt.started_at,
        "ended_at": attempt.ended_at,
        "verdict": attempt.verdict.value if attempt.verdict else None,
        "error_class": attempt.error_class.value,
        "error": attempt.error,
        "interrupted": int(attempt.interrupted),
        "input_tokens": attempt.input_tokens,
        "output_tokens": attempt.output_tokens,
        "cost_usd": attempt.cost_usd,
        "first_response_ms": attempt.first_response_ms,
    }


def _attempt(row: Row) -> Attempt:
    return Attempt(
        id=row["id"],
        tenant=row["tenant"],
        agent_id=row["agent_id"],
        task_id=row["task_id"],
        iteration=row["iteration"],
        number=row["number"],
        tier=row["tier"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        verdict=Verdict(row["verdict"]) if row["verdict"] else None,
        error_class=ErrorClass(row["error_class"]),
        error=row["error"],
        interrupted=bool(row["interrupted"]),
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"],
        first_response_ms=row["first_response_ms"],
    )
