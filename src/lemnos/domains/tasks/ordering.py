"""Use cases of routed tasks: submit, follow, retry, judge. Changes run in the caller's transaction.

A routed task is a task like any other, with an order beside it that says what was asked of the
agents of the registry.
"""

from __future__ import annotations

from lemnos.domains.tasks.listing import TaskFilter
from lemnos.domains.tasks.model import Task
from lemnos.domains.tasks.orders import (
    Feedback,
    Order,
    OrderRecord,
    OrderResult,
    Priority,
    Progress,
    Routing,
)
from lemnos.kernel.context import Context
from lemnos.kernel.page import Page
from lemnos.platform.db import Tx


class OrderService:
    """Orders of tasks. Task ids may be given in either form, ``task_<32 hex>`` or UUID."""

    async def draft(self, ctx: Context, order: Order) -> Task:
        """Check what is asked for and make a task of it, not stored yet.

        Raises ``Invalid`` when no registered agent could do it, saying what is missing. Agents
        that are only busy, unwell or blocked by their breaker are waited for.
        """
        raise NotImplementedError

    async def submit(self, tx: Tx, ctx: Context, task: Task, order: Order) -> Task:
        """Store a drafted task with its order; its work begins once this is durable."""
        raise NotImplementedError

    async def order(self, ctx: Context, task_id: str) -> OrderRecord:
        """How a task was asked for and routed; ``NotFound`` for one that was not routed."""
        raise NotImplementedError

    async def page(self, ctx: Context, wanted: TaskFilter, limit: int, offset: int) -> Page[Task]:
        """The tenant's tasks, the newest first, with a total that is counted up to 10,000."""
        raise NotImplementedError

    async def cancel(self, tx: Tx, ctx: Context, task_id: str) -> Task:
        """Ask a task to end, routed or not; ``Conflict`` for one at rest."""
        raise NotImplementedError

    async def draft_retry(
        self, ctx: Context, task_id: str, agent_id: str = "", priority: Priority | None = None
    ) -> tuple[Task, Order]:
        """A new task that does again what a task at rest was asked for; give it to ``submit``."""
        raise NotImplementedError

    async def progress(self, ctx: Context, task: Task) -> Progress:
        """How far a task is, routed or not."""
        raise NotImplementedError

    async def result(self, ctx: Context, task: Task) -> OrderResult | None:
        """What a task came to; None before its first iteration has ended."""
        raise NotImplementedError

    async def routing(self, ctx: Context, task_id: str) -> Routing:
        """The last decision and all attempts."""
        raise NotImplementedError

    async def feedback(
        self, tx: Tx, ctx: Context, task_id: str, verdict: Feedback, comment: str = ""
    ) -> Task:
        """What a person says of the outcome; ``Conflict`` while the task is at work."""
        raise NotImplementedError
