"""Tasks: submit, follow, wait for what comes of them."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, overload

from lemnos_sdk._call import IO, Call, Resource, given, operation, path
from lemnos_sdk._errors import (
    TaskAwaitingDecisionError,
    TaskCancelledError,
    TaskFailedError,
)
from lemnos_sdk._events import EventStream
from lemnos_sdk._gates import TaskGates
from lemnos_sdk._model import reader
from lemnos_sdk._pages import Pages
from lemnos_sdk._waiting import Wait, wait
from lemnos_sdk.orchex._orchex import delete, get, listing, post
from lemnos_sdk.orchex.models import (
    Cancelled,
    Diff,
    Feedback,
    Proposed,
    Result,
    Retried,
    Routing,
    Submitted,
    TaskStatus,
)
from lemnos_sdk.orchex.params import (
    Context,
    FanOut,
    Metadata,
    Requirements,
    TaskConstraints,
)

if TYPE_CHECKING:
    from lemnos_sdk._transport import Async, Sync

ROOT = "/v1/tasks"
RESTING = frozenset({"completed", "failed", "cancelled", "awaiting_decision"})
_PULL_REQUEST_SECONDS = 120.0


class Tasks(Resource[IO]):
    """``client.tasks``."""

    @operation
    def submit(
        self,
        *,
        type: str,
        description: str,
        context: Context | None = None,
        requirements: Requirements | None = None,
        constraints: TaskConstraints | None = None,
        metadata: Metadata | None = None,
        agent_id: str | None = None,
        strategy: str | None = None,
        fan_out: FanOut | None = None,
        gates: TaskGates | str | bool | None = None,
    ) -> Call[Task[IO]]:
        """Submit a task. The answer is a handle: ``task.wait()`` gives the result.

        ``type`` is one of code_generation, code_review, debugging, refactoring, documentation,
        testing, architecture, security_analysis.
        """
        body = given(
            type=type,
            description=description,
            context=context,
            requirements=requirements,
            constraints=constraints,
            metadata=metadata,
            agent_id=agent_id,
            strategy=strategy,
            fan_out=fan_out,
            gates=gates,
        )
        read = reader(Submitted, "data")
        return Call("POST", ROOT, lambda content: Task(self._io, read(content)), body=body)

    def of(self, task_id: str) -> Task[IO]:
        """The handle of a task that was submitted before. Asks nothing of the server."""
        return Task(self._io, Submitted(task_id=task_id, status=""))

    @operation
    def get(self, task_id: str) -> Call[TaskStatus]:
        """A task as it is now."""
        return get(path(ROOT, task_id), TaskStatus)

    def list(
        self,
        *,
        status: str | None = None,
        type: str | None = None,
        agent_id: str | None = None,
        user_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
    ) -> Pages[TaskStatus, IO]:
        """The tasks, the newest first; ``limit`` is the size of a page, at most 100."""
        described = listing(
            ROOT,
            "tasks",
            TaskStatus,
            status=status,
            type=type,
            agent_id=agent_id,
            user_id=user_id,
            since=since,
            until=until,
            limit=limit,
        )
        return Pages(self._io, described)

    @operation
    def cancel(self, task_id: str) -> Call[Cancelled]:
        """Cancel a task that waits or runs."""
        return delete(path(ROOT, task_id), Cancelled)

    @operation
    def retry(
        self, task_id: str, *, agent_id: str | None = None, priority: str | None = None
    ) -> Call[Task[IO]]:
        """Try a task again, as a new one, perhaps with another agent. The new task's handle."""
        return _retry(self._io, task_id, agent_id, priority)

    @operation
    def routing(self, task_id: str) -> Call[Routing]:
        """Who could do the task, why others could not, and each try that was made."""
        return get(path(ROOT, task_id, "routing"), Routing)

    @operation
    def diff(self, task_id: str) -> Call[Diff]:
        """What the task has changed in its repository."""
        return get(path(ROOT, task_id, "diff"), Diff)

    @operation
    def feedback(self, task_id: str, verdict: str, *, comment: str | None = None) -> Call[Feedback]:
        """Say of a task's work that it was ``approved``, ``rejected`` or ``reverted``."""
        body = given(verdict=verdict, comment=comment)
        return post(path(ROOT, task_id, "feedback"), Feedback, body)

    @operation
    def pull_request(
        self,
        task_id: str,
        *,
        title: str | None = None,
        body: str | None = None,
        target_branch: str | None = None,
    ) -> Call[Proposed]:
        """Push the task's work and open a pull request."""
        where = path(ROOT, task_id, "pull-request")
        said = given(title=title, body=body, target_branch=target_branch)
        read = reader(Proposed, "data")
        return Call("POST", where, read, body=said, timeout=_PULL_REQUEST_SECONDS)

    def events(self, task_id: str, *, after: str = "") -> EventStream[IO]:
        """The task's events from the beginning, or after one of them, up to its end."""
        return EventStream(self._io, path(ROOT, task_id, "events"), after)


class Task(Resource[IO]):
    """A handle of a task. ``details`` is its last known state, once one was asked for."""

    def __init__(self, io: IO, submitted: Submitted) -> None:
        super().__init__(io)
        self._tasks = Tasks(io)
        self.submitted = submitted
        self.details: TaskStatus | None = None

    @property
    def task_id(self) -> str:
        """Its id."""
        return self.submitted.task_id

    @property
    def status(self) -> str:
        """Its last known status; ``refresh()`` asks for a new one."""
        return self.details.status if self.details else self.submitted.status

    @overload
    def wait(self: Task[Sync], timeout: float | None = None) -> Result: ...
    @overload
    def wait(self: Task[Async], timeout: float | None = None) -> Coroutine[Any, Any, Result]: ...
    def wait(self, timeout: float | None = None) -> Any:
        """The result, when the task has completed; ``timeout`` in seconds.

        Raises TaskFailedError with all attempts, TaskCancelledError, TaskAwaitingDecisionError
        when the budget is spent, and WaitTimeoutError; the task goes on after the last.
        """
        what = Wait(
            look=Task.refresh.describe(self),
            rests=lambda task: task.status in RESTING,
            explain=lambda task: Task.routing.describe(self) if task.status == "failed" else None,
            conclude=_concluded,
            stream=path(ROOT, self.task_id, "events"),
        )
        return wait(self._io, what, timeout)

    @operation
    def refresh(self) -> Call[TaskStatus]:
        """Ask for the task's state, and keep it as ``details``."""
        read = reader(TaskStatus, "data")

        def keep(content: Any) -> TaskStatus:
            self.details = read(content)
            return self.details

        return Call("GET", path(ROOT, self.task_id), keep)

    @operation
    def cancel(self) -> Call[Cancelled]:
        """Cancel it."""
        return Tasks.cancel.describe(self._tasks, self.task_id)

    @operation
    def retry(self, *, agent_id: str | None = None, priority: str | None = None) -> Call[Task[IO]]:
        """Try it again, as a new task."""
        return _retry(self._io, self.task_id, agent_id, priority)

    @operation
    def routing(self) -> Call[Routing]:
        """Who could do it, why others could not, and each try that was made."""
        return Tasks.routing.describe(self._tasks, self.task_id)

    @operation
    def diff(self) -> Call[Diff]:
        """What it has changed in its repository."""
        return Tasks.diff.describe(self._tasks, self.task_id)

    @operation
    def feedback(self, verdict: str, *, comment: str | None = None) -> Call[Feedback]:
        """Say that its work was ``approved``, ``rejected`` or ``reverted``."""
        return Tasks.feedback.describe(self._tasks, self.task_id, verdict, comment=comment)

    @operation
    def pull_request(
        self,
        *,
        title: str | None = None,
        body: str | None = None,
        target_branch: str | None = None,
    ) -> Call[Proposed]:
        """Push its work and open a pull request."""
        return Tasks.pull_request.describe(
            self._tasks, self.task_id, title=title, body=body, target_branch=target_branch
        )

    def events(self, *, after: str = "") -> EventStream[IO]:
        """Its events from the beginning, or after one of them, up to its end."""
        return self._tasks.events(self.task_id, after=after)


def _retry(io: IO, task_id: str, agent_id: str | None, priority: str | None) -> Call[Task[IO]]:
    read = reader(Retried, "data")

    def handle(content: Any) -> Task[IO]:
        retried = read(content)
        return Task(io, Submitted(task_id=retried.retry_task_id, status=retried.status))

    body = given(agent_id=agent_id, priority=priority)
    return Call("POST", path(ROOT, task_id, "retry"), handle, body=body)


def _concluded(task: TaskStatus, routing: Routing | None) -> Result:
    """The result of a task that is at rest; raises what else became of it."""
    if task.status == "completed":
        return task.result or Result()
    if task.status == "cancelled":
        raise TaskCancelledError(f"{task.task_id} was cancelled.", task)
    if task.status == "awaiting_decision":
        message = f"{task.task_id} has spent its budget and waits for a decision."
        raise TaskAwaitingDecisionError(message, task)
    attempts = routing.attempts if routing else ()
    raise TaskFailedError(f"{task.task_id} failed: {task.error}", task, attempts)
