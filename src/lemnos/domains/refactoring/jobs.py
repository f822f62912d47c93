"""The durable work of refactorings: the order that carries it out, and the checks afterwards."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from lemnos.domains.analysis.model import Opportunity
from lemnos.domains.quality.safety import CheckResult, Outcome, Safety, SafetyReport
from lemnos.domains.refactoring import plan
from lemnos.domains.refactoring.examining import Examined, Examiner
from lemnos.domains.refactoring.following import Follower
from lemnos.domains.refactoring.model import (
    ENDED,
    Changed,
    Effect,
    OpenedPullRequest,
    Refactoring,
    Status,
)
from lemnos.domains.refactoring.ports import Analyses, Orders
from lemnos.domains.refactoring.store import RefactoringStore
from lemnos.domains.tasks import events
from lemnos.domains.tasks.bench import Bench
from lemnos.domains.tasks.changes import DiffStore
from lemnos.domains.tasks.model import PullRequestAsked, Task
from lemnos.domains.tasks.service import TaskService
from lemnos.domains.workspaces.ports import Diff
from lemnos.engine import Job, Steps
from lemnos.kernel import clock
from lemnos.kernel.background import cancelled
from lemnos.kernel.context import Context, Principal
from lemnos.kernel.errors import LemnosError, Unavailable
from lemnos.platform.db import Tx

_CANCEL_POLL = 1.0  # seconds until a cancel is noticed, at most


class OrderJob:
    """Makes the task that carries a refactoring out, and submits it."""

    def __init__(
        self,
        bench: Bench,
        store: RefactoringStore,
        analyses: Analyses,
        orders: Orders,
        follower: Follower,
        longest: int,
    ) -> None:
        self._bench = bench
        self._store = store
        self._analyses = analyses
        self._orders = orders
        self._follower = follower
        self._longest = longest

    async def __call__(self, steps: Steps) -> None:
        """Order it from the tools, or from an agent where they could not do it."""
        try:
            await steps.run("order", lambda: self._order(steps))
        except Unavailable:
            raise  # passes by itself: the engine tries again
        except LemnosError as error:
            message, code = error.message, error.code
            await steps.run("failed", lambda: self._refuse(steps, message, code))

    async def failed(self, tx: Tx, job: Job, error: str) -> None:
        """The engine has given up: the refactoring must not be stuck."""
        refactoring = await self._store.get(job.tenant, job.payload["id"], tx)
        if refactoring is not None and refactoring.status not in ENDED:
            await self._follower.failed(tx, refactoring, error, "internal")

    async def _order(self, steps: Steps) -> bool:
        refactoring = await self._store.get(steps.job.tenant, steps.job.payload["id"])
        if refactoring is None or refactoring.status in ENDED:
            return False  # cancelled meanwhile
        ctx = _context(refactoring)
        opportunity = await self._analyses.opportunity(ctx, refactoring.asked.opportunity_id)
        analysis = await self._analyses.get(ctx, refactoring.analysis_id)
        by_agent = steps.job.payload["by_agent"] or not plan.has_tool(opportunity)
        order = plan.order_of(
            refactoring, analysis, opportunity, by_agent=by_agent, longest=self._longest
        )
        task = await self._orders.draft(ctx, order)
        method = "agent" if by_agent else plan.BUILTIN

        async def submit(tx: Tx) -> None:
            now = await self._store.get(refactoring.tenant, refactoring.id, tx)
            if now is None or now.status in ENDED or now.method == method:
                return  # cancelled, or an earlier run of this step came as far
            await self._orders.submit(tx, ctx, task, order)
            await self._store.change(tx, now, task_id=task.id, method=method)

        await self._bench.fenced(steps, submit)
        return True

    async def _refuse(self, steps: Steps, message: str, code: str) -> bool:
        async def body(tx: Tx) -> None:
            refactoring = await self._store.get(steps.job.tenant, steps.job.payload["id"], tx)
            if refactoring is not None and refactoring.status not in ENDED:
                error = f"{refactoring.error} {message}".strip()
                await self._follower.failed(tx, refactoring, error, code)

        await self._bench.fenced(steps, body)
        return True


class CheckJob:
    """Checks what the task has done, and keeps it, proposes it, or rolls it back whole."""

    def __init__(
        self,
        bench: Bench,
        store: RefactoringStore,
        analyses: Analyses,
        tasks: TaskService,
        diffs: DiffStore,
        examiner: Examiner,
        follower: Follower,
    ) -> None:
        self._bench = bench
        self._store = store
        self._analyses = analyses
        self._tasks = tasks
        self._diffs = diffs
        self._examiner = examiner
        self._follower = follower

    async def __call__(self, steps: Steps) -> None:
        """Examine, then end."""
        try:
            examined = await steps.run("examine", lambda: self._examine(steps))
            if examined is not None:
                await steps.run("end", lambda: self._end(steps, examined))
        except Unavailable:
            raise  # passes by itself: the engine tries again
        except LemnosError as error:
            message, code = error.message, error.code
            await steps.run("failed", lambda: self._abandon(steps, message, code))

    async def failed(self, tx: Tx, job: Job, error: str) -> None:
        """The engine has given up: what could not be checked is not kept."""
        await self._discard(tx, job, error, "internal")

    # --- looking ------------------------------------------------------------------------------

    async def _examine(self, steps: Steps) -> dict[str, Any] | None:
        """The report and the effect; None when the refactoring was cancelled meanwhile."""
        refactoring = await self._checking(steps.job)
        if refactoring is None:
            return None
        task = await self._task(refactoring)
        opportunity = await self._opportunity(refactoring)
        diff = await self._diffs.get(task.tenant, task.id) or Diff((), "", truncated=False)
        paths = {name for file in diff.files for name in (file.path, file.old_path) if name}
        ctx = _context(refactoring)
        looking = asyncio.ensure_future(
            self._examiner.examine(
                ctx, task, opportunity, tuple(sorted(paths)), lambda found: self._tell(task, found)
            )
        )
        try:
            while not (await asyncio.wait({looking}, timeout=_CANCEL_POLL))[0]:
                if await self._checking(steps.job) is None:
                    return None
            found: dict[str, Any] = msgspec.to_builtins(await looking)
            return found
        finally:
            await cancelled(looking)

    async def _tell(self, task: Task, found: CheckResult) -> None:
        """Each check as it ends is an event of the task."""
        happened = events.event("system", "safety_check", msgspec.to_builtins(found))
        await self._bench.db.write(lambda tx: self._bench.recorder.note(tx, task, happened))

    # --- ending -------------------------------------------------------------------------------

    async def _end(self, steps: Steps, examined: dict[str, Any]) -> bool:
        refactoring = await self._checking(steps.job)
        if refactoring is None:
            return False
        opportunity = await self._opportunity(refactoring)
        task = await self._task(refactoring)
        diff = await self._diffs.get(task.tenant, task.id) or Diff((), "", truncated=False)
        found = msgspec.convert(examined, Examined)

        async def body(tx: Tx) -> None:
            now = await self._checking(steps.job, tx)
            if now is not None:
                known = await self._tasks.get(_context(now), now.task_id, tx)
                await self._conclude(tx, now, known, opportunity, diff, found)

        await self._bench.fenced(steps, body)
        return True

    async def _conclude(
        self,
        tx: Tx,
        refactoring: Refactoring,
        task: Task,
        opportunity: Opportunity,
        diff: Diff,
        found: Examined,
    ) -> None:
        report, effect = found.report, found.effect
        changed = Changed(len(diff.files), diff.additions, diff.deletions)
        kept: dict[str, Any] = {"report": report, "effect": effect, "diff": diff.text}
        if report.overall is Safety.UNSAFE:
            why = _failures(report)
            kept |= {"status": Status.ROLLED_BACK, "changed": Changed(), "error": why}
            kept |= {"error_class": "checks_failed", "ended_at": clock.now()}
            await self._store.change(tx, refactoring, **kept)
            await self._take_back(tx, task, f"Rolled back: {why}")
        elif refactoring.asked.dry_run:
            await self._follower.completed(tx, refactoring, changed=changed, **kept)
            await self._take_back(tx, task, "It was a dry run.")
        elif refactoring.asked.create_pr:
            await self._propose(tx, refactoring, opportunity, changed, effect, kept)
        else:
            await self._follower.completed(tx, refactoring, changed=changed, **kept)

    async def _propose(
        self,
        tx: Tx,
        refactoring: Refactoring,
        opportunity: Opportunity,
        changed: Changed,
        effect: Effect | None,
        kept: dict[str, Any],
    ) -> None:
        """Ask the tasks domain for the pull request; the follower hears how that ends."""
        title = plan.title_of(refactoring, opportunity)
        branch = plan.branch_of(refactoring, opportunity)
        body = plan.body_of(refactoring, opportunity, kept["report"], effect, changed)
        asked = PullRequestAsked(title=title, description=body, branch=branch)
        expected = OpenedPullRequest("", None, title, branch)
        await self._store.change(
            tx,
            refactoring,
            status=Status.PROPOSING,
            changed=changed,
            pull_request=expected,
            **kept,
        )
        await self._tasks.ask_pull_request(tx, _context(refactoring), refactoring.task_id, asked)

    async def _abandon(self, steps: Steps, message: str, code: str) -> bool:
        await self._bench.fenced(steps, lambda tx: self._discard(tx, steps.job, message, code))
        return True

    async def _discard(self, tx: Tx, job: Job, message: str, code: str) -> None:
        refactoring = await self._checking(job, tx)
        if refactoring is not None:
            task = await self._tasks.get(_context(refactoring), refactoring.task_id, tx)
            await self._take_back(tx, task, message)
            await self._follower.failed(tx, refactoring, message, code)

    async def _take_back(self, tx: Tx, task: Task, reason: str) -> None:
        await self._bench.recorder.taken_back(tx, task, reason)
        await self._diffs.drop(tx, task)

    async def _checking(self, job: Job, tx: Tx | None = None) -> Refactoring | None:
        """The refactoring, while it is being checked."""
        found = await self._store.get(job.tenant, job.payload["id"], tx)
        return found if found is not None and found.status is Status.CHECKING else None

    async def _task(self, refactoring: Refactoring) -> Task:
        return await self._tasks.get(_context(refactoring), refactoring.task_id)

    async def _opportunity(self, refactoring: Refactoring) -> Opportunity:
        wanted = refactoring.asked.opportunity_id
        return await self._analyses.opportunity(_context(refactoring), wanted)


def _failures(report: SafetyReport) -> str:
    """Which checks failed, and what they say."""
    failed = (result for result in report.checks if result.outcome is Outcome.FAILED)
    return "; ".join(f"{result.check}: {result.detail}" for result in failed)


def _context(refactoring: Refactoring) -> Context:
    """Who asked for it, in the job that does it."""
    principal = Principal(
        refactoring.tenant,
        refactoring.created_by,
        permissions=frozenset({"*"}),
        tier="internal",
    )
    return Context(principal, refactoring.id, refactoring.trace_id)
