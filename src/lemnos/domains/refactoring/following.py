"""What a refactoring does when its task comes to rest: in the same transaction, nothing waits."""

from __future__ import annotations

from typing import Any

from lemnos.domains.refactoring import plan
from lemnos.domains.refactoring.model import ENDED, OpenedPullRequest, Refactoring, Status
from lemnos.domains.refactoring.service import check_job, order_job
from lemnos.domains.refactoring.store import RefactoringStore
from lemnos.domains.tasks.model import Status as TaskStatus
from lemnos.domains.tasks.model import Task, TaskType
from lemnos.engine import Engine
from lemnos.kernel import clock
from lemnos.platform.db import Tx
from lemnos.platform.webhooks import Announcer

# How the task of the built-in agent ends that could not do what was asked.
_NOT_DONE = frozenset({"agent", "unsuited", "no_changes"})
_WORKING = (Status.QUEUED, Status.RUNNING)


class Follower:
    """Hears that a task rests; one that carries out no refactoring is none of its business."""

    def __init__(
        self, store: RefactoringStore, engine: Engine, announcer: Announcer | None = None
    ) -> None:
        self._store = store
        self._engine = engine
        self._announcer = announcer

    async def __call__(self, tx: Tx, task: Task) -> None:
        """Take the refactoring a step further."""
        if task.type is not TaskType.REFACTORING:
            return
        refactoring = await self._store.of_task(tx, task.tenant, task.id)
        if refactoring is None:
            return
        if task.status is TaskStatus.PR_CREATED:
            await self._proposed(tx, refactoring, task)
        elif refactoring.status is Status.PROPOSING:
            await self._not_proposed(tx, refactoring, task)
        elif refactoring.status in _WORKING:
            await self._worked(tx, refactoring, task)

    async def completed(self, tx: Tx, refactoring: Refactoring, **values: Any) -> None:
        """The change is made, checked, and proposed if that was asked for; tell who listens."""
        values |= {"status": Status.COMPLETED, "ended_at": clock.now(), "error": ""}
        await self._store.change(tx, refactoring, **values)
        if self._announcer is None or refactoring.asked.dry_run:
            return
        told = await self._store.get(refactoring.tenant, refactoring.id, tx)
        if told is not None:
            data = _announcement(told)
            await self._announcer.announce(tx, told.tenant, "refactoring.applied", data)

    async def failed(self, tx: Tx, refactoring: Refactoring, error: str, code: str) -> None:
        """It has come to nothing."""
        status = Status.CANCELLED if code == "cancelled" else Status.FAILED
        ended = {"status": status, "error": error, "error_class": code, "ended_at": clock.now()}
        await self._store.change(tx, refactoring, **ended)

    async def _worked(self, tx: Tx, refactoring: Refactoring, task: Task) -> None:
        changed = task.changes is not None and task.changes.files_changed > 0
        begun = {"started_at": refactoring.started_at or task.started_at}
        if task.status is TaskStatus.COMPLETED and changed:
            method = task.agent_id or task.runtime
            if refactoring.method == plan.BUILTIN:
                method = plan.BUILTIN
            await self._store.change(
                tx, refactoring, status=Status.CHECKING, method=method, **begun
            )
            await self._engine.enqueue(tx, check_job(refactoring))
        elif task.status is TaskStatus.CANCELLED:
            await self.failed(tx, refactoring, task.error or "Cancelled.", "cancelled")
        elif task.status is TaskStatus.COMPLETED:
            await self._not_done(tx, refactoring, "It found nothing to change.", "no_changes")
        elif task.status is TaskStatus.FAILED:
            await self._not_done(tx, refactoring, task.error or "It failed.", task.error_class)
        # A paused task waits for a person, who lets it go on or cancels it.

    async def _not_done(self, tx: Tx, refactoring: Refactoring, error: str, code: str) -> None:
        """What the tools could not do goes to an agent; what an agent could not do has failed."""
        if refactoring.method == plan.BUILTIN and code in _NOT_DONE:
            await self._store.change(tx, refactoring, error=error)
            await self._engine.enqueue(tx, order_job(refactoring, by_agent=True))
            return
        before = f"{refactoring.error} " if refactoring.error else ""
        await self.failed(tx, refactoring, before + error, code)

    async def _proposed(self, tx: Tx, refactoring: Refactoring, task: Task) -> None:
        """Its pull request is open: the one it asked for, or one that was asked for later."""
        opened = OpenedPullRequest(
            task.pr_url or "",
            task.pr_number,
            refactoring.pull_request.title if refactoring.pull_request else "",
            task.branch or "",
        )
        if refactoring.status is Status.PROPOSING:
            await self.completed(tx, refactoring, pull_request=opened)
        elif refactoring.status in ENDED:
            await self._store.change(tx, refactoring, pull_request=opened)

    async def _not_proposed(self, tx: Tx, refactoring: Refactoring, task: Task) -> None:
        error = f"The change is made, its pull request is not: {task.error}"
        await self._store.change(tx, refactoring, pull_request=None)
        await self.failed(tx, refactoring, error, task.error_class)


def _announcement(done: Refactoring) -> dict[str, object]:
    """What the webhook tells; shaped as the status of a refactoring is shown."""
    changed, report, opened = done.changed, done.report, done.pull_request
    return {
        "refactoring_id": done.id,
        "opportunity_id": done.asked.opportunity_id,
        "status": done.status.value,
        "success": True,
        "repository": done.repository,
        "path": done.path,
        "changes": {
            "files_modified": changed.files_modified if changed else 0,
            "lines_added": changed.lines_added if changed else 0,
            "lines_removed": changed.lines_removed if changed else 0,
        },
        "overall_safety": report.overall.value if report else None,
        "pull_request": {"url": opened.url, "number": opened.number, "title": opened.title}
        if opened
        else None,
    }
