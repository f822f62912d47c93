"""Following tasks: what is known of how far one is, put together from where it is kept."""

from __future__ import annotations

from collections.abc import Sequence

from lemnos.domains.agents.service import AgentService
from lemnos.domains.tasks.events import stream_of
from lemnos.domains.tasks.model import Status, Task, resting
from lemnos.domains.tasks.routing.course import Course
from lemnos.domains.tasks.routing.history import History
from lemnos.domains.tasks.routing.model import Basis, Progress, Stage
from lemnos.domains.tasks.routing.progress import DONE, at_rest, percentage, progress
from lemnos.domains.tasks.routing.store import OrderStore, State
from lemnos.domains.tasks.store import TaskStore
from lemnos.domains.tasks.work import ROUTE, iteration_job
from lemnos.engine import Engine, rank
from lemnos.kernel import clock
from lemnos.kernel.context import Context
from lemnos.kernel.errors import NotFound
from lemnos.platform.events.port import Event, EventLog

_NEWEST = 30  # events that are looked through for what the agent does now
_WAITING = (Status.PENDING, Status.AWAITING_INSTRUCTION)


class Follower:
    """Tells how far tasks are. ``places``: how many agents work side by side on a node."""

    def __init__(
        self,
        store: TaskStore,
        orders: OrderStore,
        log: EventLog,
        engine: Engine,
        agents: AgentService,
        history: History,
        places: int,
    ) -> None:
        self._store = store
        self._orders = orders
        self._log = log
        self._engine = engine
        self._agents = agents
        self._history = history
        self._places = places

    async def progress(self, ctx: Context, task: Task) -> Progress:
        """How far a task is, routed or not."""
        if resting(task.status) or task.status is Status.CREATING_PR:
            return at_rest(task)
        state = await self._orders.get(ctx.tenant, task.id) if task.routed else None
        if state is not None and state.order.fan_out is not None and task.iteration == 1:
            return await self._of_tries(ctx, task)
        course = state.course if state else Course()
        usual = course.expected_seconds if course.attempt else None
        if usual is None:
            wanted = task.agent_id or (state.order.agent_id if state else "")
            usual = await self._history.seconds(ctx.tenant, task.type, wanted)
        return progress(
            task,
            course,
            await self._position(task, state),
            usual,
            self._places,
            await self._newest(task),
            await self._name(ctx, task),
            clock.now(),
        )

    async def percentage(self, ctx: Context, task: Task) -> int:
        """Percent alone, by no more than one query for a task of its own; none for one at rest."""
        if resting(task.status) or task.status is Status.CREATING_PR:
            return DONE
        state = await self._orders.get(ctx.tenant, task.id) if task.routed else None
        if state is not None and state.order.fan_out is not None and task.iteration == 1:
            return (await self._of_tries(ctx, task)).percentage
        return percentage(task, state.course if state else Course(), clock.now())

    async def _position(self, task: Task, state: State | None) -> int | None:
        if task.status not in _WAITING:
            return None
        if state is None and task.routed:  # drafted, and not stored yet
            place = rank(task.created_at, task.priority.rank)
            ahead = await self._engine.ahead_of(ROUTE, place)
            return ahead + await self._orders.parked_before(task.tenant, place)
        job = state.parked_job if state else ""
        before = await self._engine.position(job or iteration_job(task).id)
        if before is None or state is None:
            return before
        return before + await self._orders.parked_before(task.tenant, state.rank)

    async def _newest(self, task: Task) -> Sequence[Event]:
        if task.status is not Status.RUNNING:
            return ()
        stream = stream_of(task.id)
        head = await self._log.head(stream)
        return await self._log.read(stream, max(0, head - _NEWEST), _NEWEST)

    async def _name(self, ctx: Context, task: Task) -> str:
        if not task.agent_id:
            return task.runtime
        try:
            return (await self._agents.get(ctx, task.agent_id)).name
        except NotFound:
            return task.agent_id

    async def _of_tries(self, ctx: Context, task: Task) -> Progress:
        """A fan-out is as far as its tries are on average, and done when the last one is."""
        children = await self._store.children(ctx.tenant, task.id)
        tries = [await self._store.get(ctx.tenant, child) for child in children]
        told = [await self.progress(ctx, one) for one in tries if one is not None]
        if all(map(resting, children.values())):
            message = "Comparing the tries."
            return Progress(95, Stage.FINISHING, message, None, None, Basis.LIMIT)
        done = sum(map(resting, children.values()))
        ends = [one.estimated_completion for one in told]
        begun = task.status is Status.RUNNING
        return Progress(
            min(94, sum(one.percentage for one in told) // max(len(told), 1)),
            Stage.EXECUTING if begun else Stage.QUEUED,
            f"{done} of {len(children)} tries have ended.",
            None if begun else min((one.queue_position or 0 for one in told), default=None),
            None if None in ends else max((end for end in ends if end), default=None),
            next((one.basis for one in told if one.basis is not Basis.FACT), Basis.LIMIT),
        )
