"""Use cases of routed tasks: submit, follow, retry, judge. Changes run in the caller's transaction.

A routed task is a task like any other, with an order beside it that says what was asked of the
agents of the registry. Task ids may be given in either form, ``task_<32 hex>`` or UUID.
"""

from __future__ import annotations

from dataclasses import replace

from lemnos.domains.agents.model import Judgement
from lemnos.domains.agents.router import Router
from lemnos.domains.agents.service import AgentService
from lemnos.domains.tasks.changes import DiffStore
from lemnos.domains.tasks.model import NewTask, Priority, Task, TaskSecrets, resting
from lemnos.domains.tasks.recording import Recorder
from lemnos.domains.tasks.routing import events
from lemnos.domains.tasks.routing.answers import read_answer
from lemnos.domains.tasks.routing.drafting import Drafter, tries_of
from lemnos.domains.tasks.routing.following import Follower
from lemnos.domains.tasks.routing.listing import TaskFilter, TaskPages
from lemnos.domains.tasks.routing.model import (
    Feedback,
    Order,
    OrderRecord,
    OrderResult,
    Progress,
    Routing,
)
from lemnos.domains.tasks.routing.store import OrderStore
from lemnos.domains.tasks.service import TaskService
from lemnos.domains.tasks.store import TaskStore
from lemnos.domains.tasks.work import iteration_job
from lemnos.engine import Engine, rank
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Conflict, NotFound
from lemnos.kernel.page import Page
from lemnos.platform.db import Tx

_JUDGED = {
    Feedback.APPROVED: (Judgement.APPROVAL, True),
    Feedback.REJECTED: (Judgement.APPROVAL, False),
    Feedback.REVERTED: (Judgement.REVERTED, False),
}


class OrderService:
    """Orders of tasks, and all tasks as ORCHEX shows them."""

    def __init__(
        self,
        tasks: TaskService,
        store: TaskStore,
        orders: OrderStore,
        pages: TaskPages,
        diffs: DiffStore,
        recorder: Recorder,
        engine: Engine,
        drafter: Drafter,
        follower: Follower,
        agents: AgentService,
        router: Router,
    ) -> None:
        self._tasks = tasks
        self._store = store
        self._orders = orders
        self._pages = pages
        self._diffs = diffs
        self._recorder = recorder
        self._engine = engine
        self._drafter = drafter
        self._follower = follower
        self._agents = agents
        self._router = router

    async def draft(self, ctx: Context, order: Order) -> Task:
        """Check what is asked for and make a task of it, not stored yet.

        Raises ``Invalid`` when no registered agent could do it, saying what is missing. Agents
        that are only busy, unwell or blocked by their breaker are waited for.
        """
        return await self._drafter.draft(ctx, order)

    async def submit(self, tx: Tx, ctx: Context, task: Task, order: Order) -> Task:
        """Store a drafted task with its order; its work begins once this is durable."""
        if order.fan_out is None:
            await self._store_and_start(tx, task, order)
            return task
        secrets = self._tasks.secrets(task)
        tries = tries_of(task, order)
        for one, its_order in tries:
            await self._store_and_start(tx, self._sealed(one, secrets), its_order)
        self._add(tx, task, order)
        told = events.fanned_out({its.agent_id: one.id for one, its in tries})
        await self._recorder.created(tx, task, told)
        return task

    async def order(self, ctx: Context, task_id: str) -> OrderRecord:
        """How a task was asked for and routed; ``NotFound`` for one that was not ordered."""
        task = await self._tasks.get(ctx, task_id)
        state = await self._orders.get(ctx.tenant, task.id)
        if state is None:
            message = f"Task {task_id} was not made from an order."
            raise NotFound(message, code="order_not_found")
        fanned = state.order.fan_out is not None
        children = await self._store.children(ctx.tenant, task.id) if fanned else {}
        return OrderRecord(
            state.order,
            state.decision,
            state.tier,
            state.attempts,
            state.judgement,
            tuple(children),
        )

    async def page(self, ctx: Context, wanted: TaskFilter, limit: int, offset: int) -> Page[Task]:
        """The tenant's tasks, the newest first, with a total that is counted up to 10,000."""
        return await self._pages.page(ctx.tenant, wanted, limit, offset)

    async def cancel(self, tx: Tx, ctx: Context, task_id: str) -> Task:
        """Ask a task to end, routed or not; ``Conflict`` for one at rest. The task as it is now."""
        await self._tasks.cancel(tx, ctx, task_id)
        return await self._tasks.get(ctx, task_id, tx)

    async def draft_retry(
        self, ctx: Context, task_id: str, agent_id: str = "", priority: Priority | None = None
    ) -> tuple[Task, Order]:
        """A new task that does again what a task at rest was asked for; give both to ``submit``.

        ``agent_id`` gives it to this agent alone. Raises ``Conflict`` with code ``task_busy``
        while the task is at work.
        """
        task = await self._tasks.get(ctx, task_id)
        if not resting(task.status):
            message = "The task is still at work: cancel it first."
            raise Conflict(message, code="task_busy", details={"status": task.status.value})
        state = await self._orders.get(ctx.tenant, task.id)
        order = replace(
            state.order if state else _order_of(task),
            priority=priority or task.priority,
            retry_of=task.id,
            parent_id="",
        )
        secrets = self._tasks.secrets(task)
        if agent_id:
            others = tuple(name for name in order.excluded_agents if name != agent_id)
            order = replace(
                order, agent_id=agent_id, excluded_agents=others, fan_out=None, operation={}
            )
        elif state is None:
            return await self._repeated(ctx, task, secrets, order.priority), order
        return self._sealed(await self.draft(ctx, order), secrets), order

    async def progress(self, ctx: Context, task: Task) -> Progress:
        """How far a task is, routed or not."""
        return await self._follower.progress(ctx, task)

    async def percentage(self, ctx: Context, task: Task) -> int:
        """The same in percent alone, which costs less."""
        return await self._follower.percentage(ctx, task)

    async def result(self, ctx: Context, task: Task) -> OrderResult | None:
        """What a task came to; None before its first iteration has ended."""
        if task.finished_at is None:
            return None
        diff = await self._diffs.get(ctx.tenant, task.id)
        return read_answer(task.type, task.result or "", diff, empty_start=not task.repo_url)

    async def routing(self, ctx: Context, task_id: str) -> Routing:
        """The last decision and all attempts, those of the tries of a fan-out included."""
        task = await self._tasks.get(ctx, task_id)
        state = await self._orders.get(ctx.tenant, task.id)
        attempts = await self._router.attempts(ctx.tenant, task.id)
        for child in await self._store.children(ctx.tenant, task.id):
            attempts += await self._router.attempts(ctx.tenant, child)
        return Routing(state.decision if state else None, attempts)

    async def feedback(
        self, tx: Tx, ctx: Context, task_id: str, verdict: Feedback, comment: str = ""
    ) -> Task:
        """What a person says of the outcome; ``Conflict`` while the task is at work.

        It counts for the agent that did the task's present iteration; a later word replaces it.
        """
        task = await self._tasks.get(ctx, task_id, tx)
        if not resting(task.status):
            raise Conflict("The task is still at work.", code="task_busy")
        told = events.feedback(verdict.value, comment, ctx.principal.subject)
        await self._recorder.note(tx, task, told)
        if task.agent_id:
            kind, passed = _JUDGED[verdict]
            await self._agents.judge(
                tx, ctx.tenant, task.agent_id, task.id, task.iteration, kind, passed
            )
        return task

    async def _store_and_start(self, tx: Tx, task: Task, order: Order) -> None:
        place = self._add(tx, task, order)
        await self._recorder.created(tx, task)
        await self._engine.enqueue(tx, iteration_job(task, rank=place))

    def _add(self, tx: Tx, task: Task, order: Order) -> int:
        place = rank(task.created_at, task.priority.rank)
        self._store.add(tx, task)
        self._orders.add(tx, task, order, place)
        return place

    def _sealed(self, task: Task, secrets: TaskSecrets) -> Task:
        """The task with secrets, which are sealed for each task by itself."""
        return replace(task, sealed=self._tasks.seal(task.tenant, task.id, secrets))

    async def _repeated(
        self, ctx: Context, task: Task, secrets: TaskSecrets, priority: Priority
    ) -> Task:
        """A task that was never routed, once more."""
        new = NewTask(
            task.repo_url, task.prompt, task.config, secrets, task.provider_key, task.callback_url
        )
        drafted = await self._tasks.draft(ctx, new)
        return replace(drafted, type=task.type, priority=priority, user_id=task.user_id)


def _order_of(task: Task) -> Order:
    """What a task that was not ordered would have been ordered with."""
    return Order(
        task.type,
        task.prompt,
        task.repo_url,
        task.config.target_branch,
        task.provider_key,
        timeout_seconds=task.config.timeout_seconds,
        priority=task.priority,
        max_cost_usd=task.config.max_budget_usd,
        gates=task.config.gates,
        metadata={"user_id": task.user_id} if task.user_id else {},
    )
