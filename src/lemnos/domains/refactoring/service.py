"""Use cases of refactorings. Those that change something run in the caller's transaction."""

from __future__ import annotations

import statistics
from dataclasses import replace

from lemnos.domains.analysis.model import Analysis, Opportunity
from lemnos.domains.integrations.service import KeyService
from lemnos.domains.refactoring import plan
from lemnos.domains.refactoring.model import (
    ENDED,
    NewRefactoring,
    Refactoring,
    Status,
    check,
    demand,
)
from lemnos.domains.refactoring.ports import Analyses, Orders
from lemnos.domains.refactoring.store import RefactoringStore
from lemnos.domains.tasks.changes import DiffStore
from lemnos.domains.tasks.model import Status as TaskStatus
from lemnos.domains.tasks.model import resting
from lemnos.domains.tasks.recording import Recorder
from lemnos.domains.tasks.service import TaskService
from lemnos.domains.workspaces.ports import Git, Remote
from lemnos.engine import Engine, Job
from lemnos.kernel import clock, ids
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Conflict, NotFound
from lemnos.kernel.page import Page
from lemnos.platform.db import Tx

ORDER = "refactoring.order"
CHECK = "refactoring.check"
_SAMPLE = 20  # ended refactorings whose median tells how long one takes


class RefactoringService:
    """Carry out opportunities: draft, start, follow, list, cancel."""

    def __init__(
        self,
        store: RefactoringStore,
        analyses: Analyses,
        orders: Orders,
        tasks: TaskService,
        recorder: Recorder,
        diffs: DiffStore,
        keys: KeyService,
        git: Git,
        engine: Engine,
        longest: int,
    ) -> None:
        self._store = store
        self._analyses = analyses
        self._orders = orders
        self._tasks = tasks
        self._recorder = recorder
        self._diffs = diffs
        self._keys = keys
        self._git = git
        self._engine = engine
        self._longest = longest

    async def draft(self, ctx: Context, new: NewRefactoring) -> Refactoring:
        """Check what is asked for and make a refactoring of it, not stored yet.

        Raises ``NotFound`` for an unknown opportunity, ``Invalid`` for what cannot be done, and
        ``Conflict`` with code ``file_changed`` when the file is not what was analysed.
        """
        check(new)
        opportunity = await self._analyses.opportunity(ctx, new.opportunity_id)
        analysis = await self._analyses.get(ctx, opportunity.analysis_id)
        refactoring = Refactoring(
            id=ids.new_id("refactor"),
            tenant=ctx.tenant,
            created_by=ctx.principal.subject,
            status=Status.QUEUED,
            asked=new,
            analysis_id=analysis.id,
            repository=analysis.asked.repository,
            path=opportunity.path,
            created_at=clock.now(),
            trace_id=ctx.trace_id or ids.new_trace_id(),
        )
        by_agent = bool(new.agent_id) or not plan.has_tool(opportunity)
        order = plan.order_of(
            refactoring, analysis, opportunity, by_agent=by_agent, longest=self._longest
        )
        await self._orders.draft(ctx, order)  # refuses now what would only fail later
        await self._check_file(ctx, refactoring, analysis, opportunity)
        return refactoring

    async def start(self, tx: Tx, ctx: Context, refactoring: Refactoring) -> Refactoring:
        """Store a drafted refactoring; its work begins once this is durable."""
        await self._store.add(tx, refactoring)
        await self._engine.enqueue(tx, order_job(refactoring, by_agent=False))
        return refactoring

    async def get(self, ctx: Context, refactoring_id: str) -> Refactoring:
        """A refactoring of the caller's tenant. Raises ``NotFound`` (refactoring_not_found)."""
        return (await self._current(ctx, (await self._known(ctx, refactoring_id),)))[0]

    async def page(self, ctx: Context, *, limit: int = 50, offset: int = 0) -> Page[Refactoring]:
        """The tenant's refactorings, the newest first, with a total."""
        page = await self._store.page(ctx.tenant, limit, offset)
        return replace(page, items=await self._current(ctx, page.items))

    async def cancel(self, tx: Tx, ctx: Context, refactoring_id: str) -> Refactoring:
        """Ask a refactoring to end; nothing is left of it. ``Conflict`` for one that has ended.

        While its task works, that is asked to end first, and the refactoring ends with it.
        """
        refactoring = await self._known(ctx, refactoring_id, tx)
        demand(refactoring.status, Status.CANCELLED)
        if refactoring.status in ENDED:
            raise Conflict(
                f"The refactoring is {refactoring.status} already.", code="refactoring_state"
            )
        if refactoring.task_id:
            task = await self._tasks.get(ctx, refactoring.task_id, tx)
            if not resting(task.status):
                await self._tasks.cancel(tx, ctx, task.id)
                # One that had not begun has ended by that, and the refactoring with it.
                return await self._known(ctx, refactoring_id, tx)
            await self._recorder.taken_back(tx, task, "The refactoring was cancelled.")
            await self._diffs.drop(tx, task)
        ended = {"status": Status.CANCELLED, "ended_at": clock.now(), "error": "Cancelled."}
        await self._store.change(tx, refactoring, **ended)
        return await self._known(ctx, refactoring_id, tx)

    async def expected_end(self, ctx: Context, refactoring: Refactoring) -> int | None:
        """When it should be done, by the median of the last ones; None before there were any."""
        durations = await self._store.durations(ctx.tenant, _SAMPLE)
        return refactoring.created_at + int(statistics.median(durations)) if durations else None

    async def _known(self, ctx: Context, refactoring_id: str, tx: Tx | None = None) -> Refactoring:
        found = await self._store.get(ctx.tenant, refactoring_id, tx)
        if found is None:
            message = f"There is no refactoring {refactoring_id}."
            raise NotFound(message, code="refactoring_not_found")
        return found

    async def _current(
        self, ctx: Context, known: tuple[Refactoring, ...]
    ) -> tuple[Refactoring, ...]:
        """With those shown as running whose tasks have begun: nobody writes that down."""
        waiting = [one.task_id for one in known if one.status is Status.QUEUED and one.task_id]
        statuses = await self._tasks.statuses(ctx, waiting) if waiting else {}
        begun = {key for key, status in statuses.items() if status is not TaskStatus.PENDING}
        return tuple(
            replace(one, status=Status.RUNNING)
            if one.status is Status.QUEUED and one.task_id in begun
            else one
            for one in known
        )

    async def _check_file(
        self, ctx: Context, refactoring: Refactoring, analysis: Analysis, opportunity: Opportunity
    ) -> None:
        token = ""
        if key := plan.key_of(refactoring, analysis):
            _, token = await self._keys.open(ctx.tenant, key, refactoring.repository)
        remote = Remote(refactoring.repository, token, scope=ctx.tenant)
        branch = analysis.branch or analysis.asked.branch
        blob = await self._git.blob(remote, branch, opportunity.path)
        if blob != opportunity.blob:
            raise file_changed(opportunity.path, gone=not blob)


def file_changed(path: str, *, gone: bool = False) -> Conflict:
    """The file is not what was analysed."""
    happened = "is no longer there" if gone else "has changed since it was analysed"
    return Conflict(f"{path} {happened}: analyse it again.", code="file_changed")


def order_job(refactoring: Refactoring, *, by_agent: bool) -> Job:
    """The job that makes the task."""
    payload = {"id": refactoring.id, "by_agent": by_agent, "trace_id": refactoring.trace_id}
    method = "agent" if by_agent else "first"
    return Job(f"refactor:{refactoring.id}:{method}", ORDER, refactoring.tenant, payload)


def check_job(refactoring: Refactoring) -> Job:
    """The job that checks what the task has done."""
    payload = {"id": refactoring.id, "trace_id": refactoring.trace_id}
    return Job(f"refactor:{refactoring.id}:check", CHECK, refactoring.tenant, payload)
