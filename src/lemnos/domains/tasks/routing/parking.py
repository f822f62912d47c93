"""Tasks that wait: parked as rows, and taken up when their time has come or an agent has room.

Nobody asks again and again. Whoever frees a place hastens the task that has waited longest for
that agent; whoever gets in passes the word on, as there may be room for more. What no attempt's
end tells (a rate limit's minute is over, an agent is well again, a new one is registered) is
found by a look at the agents, not at the tasks, every few seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

from lemnos.domains.agents.model import Ask
from lemnos.domains.agents.router import Router
from lemnos.domains.tasks.model import Task
from lemnos.domains.tasks.routing.course import Course
from lemnos.domains.tasks.routing.model import Order
from lemnos.domains.tasks.routing.store import OrderStore, State
from lemnos.domains.tasks.work import iteration_job
from lemnos.engine import Engine, Job, rank
from lemnos.kernel import clock
from lemnos.platform.db import Database, Tx

LOOK_EVERY = 5.0  # seconds
_LOOKED_AT = 16  # tasks of each tenant whose candidates are looked at anew


def ask_of(task: Task, order: Order, course: Course) -> Ask:
    """What the task needs of an agent, at this point of its course."""
    return Ask(
        type=order.type.value,
        required_capabilities=order.required_capabilities,
        preferred_providers=order.preferred_providers,
        excluded_agents=(*order.excluded_agents, *course.given_up),
        agent_id=order.agent_id,
        max_tokens=order.max_tokens,
        max_cost_usd=course.left(task.config.max_budget_usd),
        tokens=order.max_tokens,
        strategy=order.strategy,
    )


class Parking:
    """Parks tasks and finds who is to be taken up next.

    Implements :class:`lemnos.domains.tasks.ports.RoutedWork`.
    """

    def __init__(self, db: Database, store: OrderStore, engine: Engine, router: Router) -> None:
        self._db = db
        self._store = store
        self._engine = engine
        self._router = router

    async def park(
        self,
        tx: Tx,
        task: Task,
        state: State,
        course: Course,
        *,
        run_at: int | None = None,
        agents: Sequence[str] = (),
    ) -> None:
        """Store the next leg: due at ``run_at``, or as soon as one of the agents has room."""
        job = iteration_job(task, leg=course.leg, run_at=run_at, rank=state.rank)
        await self._engine.enqueue(tx, job)
        await self._store.change(tx, task, course=course, parked_job=job.id)
        if agents:
            await self._store.wait(tx, task, agents, state.rank, job.id)

    async def parked_job(self, tx: Tx, task: Task) -> str:
        """The id of the job that goes on with the task while it waits; empty when it does not."""
        state = await self._store.get(task.tenant, task.id, tx)
        return state.parked_job if state else ""

    async def begin_anew(self, tx: Tx, task: Task) -> Job:
        """The first leg of a further iteration, which queues up anew; not enqueued yet."""
        place = rank(clock.now(), task.priority.rank)
        course = Course(iteration=task.iteration)
        await self._store.change(
            tx, task, course=course, attempts=0, tier=None, rank=place, parked_job=""
        )
        return iteration_job(task, rank=place)

    async def taken_up(self, tx: Tx, task: Task) -> None:
        """The task is at work, or at rest: it waits no longer."""
        await self._store.change(tx, task, parked_job="")
        await self._store.stop_waiting(tx, task.id)

    async def behind(self, tx: Tx, task: Task, state: State, agent_id: str) -> bool:
        """Whether another task waits for the agent that goes before this one; it is hastened."""
        first = await self._store.ahead_of(tx, task, state.rank, agent_id)
        if first is None:
            return False
        await self._engine.hasten(tx, first.job)
        return True

    async def on_room(self, tx: Tx, tenant: str, agent_id: str) -> None:
        """The agent has, or may have, room for one more."""
        first = await self._store.first_for(tx, tenant, agent_id)
        if first is not None:
            await self._engine.hasten(tx, first.job)

    async def look(self) -> None:
        """Take up whom nobody else would: see the module."""
        for tenant, agent_id in await self._store.waited_for():
            decision = await self._router.plan(tenant, Ask(agent_id=agent_id))
            if any(one.has_room for one in decision.candidates):
                await self._have_room(tenant, agent_id)
        for tenant in await self._store.waiting_tenants():
            await self._look_at_first(tenant)

    async def _have_room(self, tenant: str, agent_id: str) -> None:
        await self._db.write(lambda tx: self.on_room(tx, tenant, agent_id))

    async def _look_at_first(self, tenant: str) -> None:
        """Those who wait longest may be done by agents that were not there when they parked."""
        for waiter, order, course in await self._store.longest_waiting(tenant, _LOOKED_AT):
            decision = await self._router.plan(tenant, _plain_ask(order, course))
            if any(one.has_room for one in decision.candidates):
                await self._hasten(waiter.job)

    async def _hasten(self, job: str) -> None:
        await self._db.write(lambda tx: self._engine.hasten(tx, job))


def _plain_ask(order: Order, course: Course) -> Ask:
    """What matters for whether there is anybody."""
    return Ask(
        type=order.type.value,
        required_capabilities=order.required_capabilities,
        excluded_agents=(*order.excluded_agents, *course.given_up),
        agent_id=order.agent_id,
        max_tokens=order.max_tokens,
    )
