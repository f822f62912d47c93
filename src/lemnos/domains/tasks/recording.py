"""How a task moves from state to state: each change with its event, in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from lemnos.domains.tasks import events
from lemnos.domains.tasks.callbacks import callback
from lemnos.domains.tasks.gating import GateRecord
from lemnos.domains.tasks.model import Changes, Status, Task, Usage, demand
from lemnos.domains.tasks.ports import Announcements
from lemnos.domains.tasks.store import TaskStore, usage_columns
from lemnos.domains.workspaces.service import WorkspaceService
from lemnos.kernel import clock
from lemnos.platform.db import Tx
from lemnos.platform.events.port import EventLog, NewEvent
from lemnos.platform.webhooks import Outbox


@dataclass(frozen=True, slots=True)
class Ending:
    """How an iteration ended."""

    status: Status
    text: str = ""
    error: str = ""
    error_class: str = ""
    usage: Usage = field(default_factory=Usage)
    changes: Changes | None = None
    session: str = ""
    gates: GateRecord | None = None


class Recorder:
    """Writes what happens to a task. Every method runs in the caller's transaction."""

    def __init__(
        self,
        store: TaskStore,
        workspaces: WorkspaceService,
        log: EventLog,
        outbox: Outbox,
        announcements: Announcements,
        callback_secret: bytes,
    ) -> None:
        self._store = store
        self._workspaces = workspaces
        self._log = log
        self._outbox = outbox
        self._announcements = announcements
        self._secret = callback_secret
        self.on_ended: Callable[[str, Ending], None] = _nobody  # with the name of the runtime
        # Called in the transaction in which a task comes to rest, with the task as it is then.
        self.on_rested: list[Callable[[Tx, Task], Awaitable[None]]] = []

    async def note(self, tx: Tx, task: Task, *happened: NewEvent) -> None:
        """Append events to the task's stream."""
        await self._log.append(tx, task.tenant, events.stream_of(task.id), happened)

    async def created(self, tx: Tx, task: Task, *more: NewEvent) -> None:
        """The task is there: written at the end of the transaction, and at most once in it."""
        stream = events.stream_of(task.id)
        self._log.append_later(tx, task.tenant, stream, [events.task_created(task), *more])
        await self._announcements.created(tx, task)

    async def cloning(self, tx: Tx, task: Task, branch: str) -> Task:
        """The checkout begins, or begins again after a crash."""
        task = await self._start(tx, task, Status.CLONING)
        if task.repo_url:
            await self.note(tx, task, events.clone_started(task.repo_url, branch))
        return task

    async def running(self, tx: Tx, task: Task, runtime: str, reason: str, **known: Any) -> Task:
        """The agent is about to start, or to start again; ``known``: columns to set as well."""
        task = await self._start(
            tx, task, Status.RUNNING, runtime=runtime, runtime_reason=reason, **known
        )
        await self._store.change_iteration(
            tx, task.id, task.iteration, status=Status.RUNNING, started_at=clock.now()
        )
        await self.note(tx, task, events.cli_started(runtime, reason, task.iteration))
        return task

    async def at_work(self, tx: Tx, task: Task) -> Task:
        """One of the tries of a fan-out has begun."""
        return await self._start(tx, task, Status.RUNNING)

    async def parked(self, tx: Tx, task: Task, *happened: NewEvent) -> Task:
        """Nobody works at it until a time has come or an agent has room."""
        task = await self._move(tx, task, Status.PENDING)
        await self._workspaces.release(tx, task.id)
        await self.note(tx, task, *happened)
        return task

    async def cancelled_before_start(self, tx: Tx, task: Task) -> None:
        """The iteration was withdrawn before its job had begun."""
        message = "Cancelled before it started."
        await self.ended(tx, task, Ending(Status.CANCELLED, error=message))

    async def ended(self, tx: Tx, task: Task, ending: Ending) -> Task:
        """The iteration is over, however: state, usage, event, callback; nobody works any more."""
        now = clock.now()
        usage = (task.usage or Usage()).plus(ending.usage)
        session = ending.session or task.session
        task = await self._move(
            tx,
            task,
            ending.status,
            result=ending.text or None,
            error=ending.error or None,
            error_class=ending.error_class,
            changes=ending.changes or task.changes,
            session=session,
            gates=ending.gates,
            finished_at=now,
            **usage_columns(usage),
        )
        task = replace(task, usage=usage)
        await self._store.change_iteration(
            tx,
            task.id,
            task.iteration,
            status=ending.status,
            result=ending.text or None,
            error=ending.error or None,
            changes=ending.changes,
            session=session,
            gates=ending.gates,
            ended_at=now,
            **usage_columns(ending.usage),
        )
        await self._workspaces.release(tx, task.id)
        await self.note(tx, task, _told(task, ending))
        if (delivery := callback(task, self._secret)) is not None:
            await self._outbox.put(tx, delivery)
        await self._announcements.ended(tx, task)
        tx.after_commit(lambda: self.on_ended(task.runtime, ending))
        await self._rested(tx, task)
        return task

    async def taken_back(self, tx: Tx, task: Task, reason: str) -> None:
        """The work of a task at rest is discarded whole: no workspace, no changes to propose."""
        await self._store.change(tx, task, changes=Changes())
        await self._workspaces.discard(tx, task.id)
        await self.note(tx, task, events.taken_back(reason))

    async def pull_request_open(
        self, tx: Tx, task: Task, branch: str, commit: str, url: str, number: int | None
    ) -> Task:
        """The pull request is there."""
        task = await self._move(
            tx,
            task,
            Status.PR_CREATED,
            branch=branch,
            pushed_commit=commit,
            pr_url=url,
            pr_number=number,
            pr_request=None,
        )
        await self.note(tx, task, events.pr_created(url, number, branch))
        await self._rested(tx, task)
        return task

    async def branch_pushed(self, tx: Tx, task: Task, branch: str, commit: str) -> None:
        """The work is on the remote; a retry after a crash goes on from here."""
        await self._store.change(tx, task, branch=branch, pushed_commit=commit)
        await self.note(tx, task, events.pushed(branch, commit))

    async def pull_request_failed(self, tx: Tx, task: Task, message: str, code: str) -> Task:
        """No pull request: the task is completed as before, with the error kept."""
        task = await self._move(
            tx, task, Status.COMPLETED, error=message, error_class=code, pr_request=None
        )
        await self._workspaces.release(tx, task.id)  # a push that was cut off holds it
        await self.note(tx, task, events.pr_failed(message))
        await self._rested(tx, task)
        return task

    async def _start(self, tx: Tx, task: Task, status: Status, **values: Any) -> Task:
        first = task.started_at is None
        started = task.started_at or clock.now()
        task = await self._move(tx, task, status, started_at=started, **values)
        if first:
            await self._announcements.started(tx, task)
        return task

    async def _rested(self, tx: Tx, task: Task) -> None:
        for hear in self.on_rested:
            await hear(tx, task)

    async def _move(self, tx: Tx, task: Task, status: Status, **values: Any) -> Task:
        if task.status is not status:  # a job that runs again after a crash is there already
            demand(task.status, status)
        await self._store.change(tx, task, status=status, **values)
        known = {name: value for name, value in values.items() if name in _FIELDS}
        return replace(task, status=status, **known)


def _nobody(_runtime: str, _ending: Ending) -> None:
    """Until somebody counts."""


_FIELDS = frozenset(Task.__dataclass_fields__)


def _told(task: Task, ending: Ending) -> NewEvent:
    if ending.status is Status.COMPLETED:
        usage = usage_columns(ending.usage)
        changes = ending.changes or Changes()
        return events.completed(ending.text, changes, usage, task.iteration)
    return events.ended(ending.status.value, ending.error, ending.error_class)
