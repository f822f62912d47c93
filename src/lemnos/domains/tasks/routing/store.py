"""Every query on the orders of tasks, and on who waits for which agent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Text,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    tuple_,
    update,
)

from lemnos.domains.agents.model import Decision
from lemnos.domains.tasks.model import Task
from lemnos.domains.tasks.routing.course import Course
from lemnos.domains.tasks.routing.model import Comparison, Order
from lemnos.domains.tasks.routing.tables import orders, waits
from lemnos.platform.db import Database, Query, Row, Tx

_O, _W = orders.c, waits.c
_COUNT_CAP = 10_000  # parked tasks before another that are counted
MOST_WAITS = 20  # agents for which one task waits at once

_NOTHING = literal_column("''", Text())  # written out, for the partial index
_PARKED = _O.parked_job != _NOTHING
_RANK = bindparam("rank", type_=BigInteger)
_TASK = bindparam("task_id", type_=Text)
_TENANT = bindparam("tenant", type_=Text)

_INSERT = Query(insert(orders))
_GET = Query(select(orders).where(_O.tenant == _TENANT, _O.task_id == _TASK))
_BEFORE = (
    select(_O.task_id)
    .where(_O.tenant == _TENANT, _PARKED, _O.rank < _RANK)
    .limit(bindparam("cap"))
    .subquery()
)
_COUNT_BEFORE = Query(select(func.count().label("before")).select_from(_BEFORE))

_WAIT = Query(insert(waits))
_STOP_WAITING = Query(delete(waits).where(_W.task_id == _TASK))
_FOR_AGENT = select(_W.task_id, _W.job, _W.rank).where(
    _W.tenant == _TENANT, _W.agent_id == bindparam("agent_id", type_=Text)
)
_FIRST = Query(_FOR_AGENT.order_by(_W.rank, _W.task_id).limit(1))
_AHEAD = Query(
    _FOR_AGENT.where(tuple_(_W.rank, _W.task_id) < tuple_(_RANK, _TASK))
    .order_by(_W.rank, _W.task_id)
    .limit(1)
)
_WAITED_FOR = Query(select(_W.tenant, _W.agent_id).distinct())
_WAITING_TENANTS = Query(select(_W.tenant).distinct())
# By the orders rather than by the waits, where a task has a row for each agent.
_LONGEST = Query(
    select(_O.task_id, _O.content, _O.course, _O.parked_job)
    .where(
        _O.tenant == _TENANT,
        _PARKED,
        select(_W.task_id).where(_W.task_id == _O.task_id).exists(),
    )
    .order_by(_O.rank)
    .limit(bindparam("count"))
)

_encode = msgspec.json.Encoder().encode
_order = msgspec.json.Decoder(Order).decode
_decision = msgspec.json.Decoder(Decision).decode
_course = msgspec.json.Decoder(Course).decode
_comparison = msgspec.json.Decoder(Comparison).decode


@dataclass(frozen=True, slots=True)
class State:
    """An order and how far it has come."""

    order: Order
    decision: Decision | None
    tier: int | None
    attempts: int
    judgement: Comparison | None
    course: Course
    parked_job: str
    rank: int


@dataclass(frozen=True, slots=True)
class Waiter:
    """A parked task, and the job to hasten for it."""

    task_id: str
    job: str


class OrderStore:
    """Orders, and the waits of parked tasks."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, tx: Tx, task: Task, order: Order, rank: int) -> None:
        """Add the order of a new task, when the transaction ends."""
        params = {
            "task_id": task.id,
            "tenant": task.tenant,
            "content": _text(order),
            "decision": None,
            "tier": None,
            "attempts": 0,
            "judgement": None,
            "course": _text(Course()),
            "parked_job": "",
            "rank": rank,
        }
        tx.defer(_INSERT, params)

    async def get(self, tenant: str, task_id: str, tx: Tx | None = None) -> State | None:
        """An order, or None. Whoever changes it holds the lock of its task."""
        row = await (tx or self._db).one(_GET, {"tenant": tenant, "task_id": task_id})
        return _state(row) if row else None

    async def change(self, tx: Tx, task: Task, **values: Any) -> None:
        """Set columns; records are given as they are."""
        columns = {name: _column(value) for name, value in values.items()}
        params = {**columns, "p_tenant": task.tenant, "p_task_id": task.id}
        await tx.run(_update(tuple(sorted(values))), params)

    async def parked_before(self, tenant: str, rank: int) -> int:
        """How many parked tasks go before this rank, counted up to 10,000."""
        params = {"tenant": tenant, "rank": rank, "cap": _COUNT_CAP}
        row = await self._db.one(_COUNT_BEFORE, params)
        return int(row["before"]) if row else 0

    # --- waiting for agents -------------------------------------------------------------------

    async def wait(self, tx: Tx, task: Task, agents: Sequence[str], rank: int, job: str) -> None:
        """Let a task wait for any of the agents, instead of those it waited for before."""
        await self.stop_waiting(tx, task.id)
        same = {"task_id": task.id, "tenant": task.tenant, "rank": rank, "job": job}
        await tx.many(_WAIT, [{**same, "agent_id": name} for name in agents[:MOST_WAITS]])

    async def stop_waiting(self, tx: Tx, task_id: str) -> None:
        """The task waits for nobody."""
        await tx.run(_STOP_WAITING, {"task_id": task_id})

    async def first_for(self, tx: Tx, tenant: str, agent_id: str) -> Waiter | None:
        """Who has waited longest for an agent, by rank."""
        row = await tx.one(_FIRST, {"tenant": tenant, "agent_id": agent_id})
        return Waiter(row["task_id"], row["job"]) if row else None

    async def ahead_of(self, tx: Tx, task: Task, rank: int, agent_id: str) -> Waiter | None:
        """Who waits for an agent and goes before a task."""
        params = {"tenant": task.tenant, "agent_id": agent_id, "rank": rank, "task_id": task.id}
        row = await tx.one(_AHEAD, params)
        return Waiter(row["task_id"], row["job"]) if row else None

    async def waited_for(self) -> list[tuple[str, str]]:
        """The agents that anybody waits for: pairs of tenant and agent."""
        return [(row["tenant"], row["agent_id"]) for row in await self._db.scan(_WAITED_FOR)]

    async def waiting_tenants(self) -> list[str]:
        """The tenants of whom a task waits for agents."""
        return [row["tenant"] for row in await self._db.scan(_WAITING_TENANTS)]

    async def longest_waiting(self, tenant: str, count: int) -> list[tuple[Waiter, Order, Course]]:
        """The first in rank of those that wait for agents, with what they ask for."""
        rows = await self._db.all(_LONGEST, {"tenant": tenant, "count": count})
        return [
            (
                Waiter(row["task_id"], row["parked_job"]),
                _order(row["content"]),
                _course(row["course"]),
            )
            for row in rows
        ]


@lru_cache(maxsize=32)
def _update(names: tuple[str, ...]) -> Query:
    where = (_O.tenant == bindparam("p_tenant"), _O.task_id == bindparam("p_task_id"))
    return Query(update(orders).where(*where).values({name: bindparam(name) for name in names}))


def _text(record: object) -> str:
    return _encode(record).decode()


def _column(value: object) -> object:
    return value if value is None or isinstance(value, int | str) else _text(value)


def _state(row: Row) -> State:
    return State(
        _order(row["content"]),
        _decision(row["decision"]) if row["decision"] else None,
        row["tier"],
        row["attempts"],
        _comparison(row["judgement"]) if row["judgement"] else None,
        _course(row["course"]),
        row["parked_job"],
        row["rank"],
    )
