"""What the refactoring domain needs of others, as far as it needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from lemnos.domains.analysis.model import Analysis, FileMetrics, Opportunity
from lemnos.domains.tasks.model import Task
from lemnos.domains.tasks.routing.model import Order
from lemnos.kernel.context import Context
from lemnos.platform.db import Tx


class Analyses(Protocol):
    """What was found, and the same analysers for one changed file."""

    async def get(self, ctx: Context, analysis_id: str) -> Analysis:
        """An analysis of the caller's tenant. Raises ``NotFound``."""
        ...

    async def opportunity(self, ctx: Context, opportunity_id: str) -> Opportunity:
        """An opportunity of the caller's tenant. Raises ``NotFound``."""
        ...

    async def remeasure(
        self, ctx: Context, analysis_id: str, changed: Mapping[str, bytes]
    ) -> Mapping[str, FileMetrics]:
        """Measure changed files (path → content), as if the rest were as it was analysed."""
        ...


class Orders(Protocol):
    """Tasks that are routed, or that the built-in agent carries out as an operation."""

    async def draft(self, ctx: Context, order: Order) -> Task:
        """Check an order and make a task of it, not stored yet."""
        ...

    async def submit(self, tx: Tx, ctx: Context, task: Task, order: Order) -> Task:
        """Store a drafted task; its work begins once this is durable."""
        ...
