"""Tasks: create, follow up, follow, cancel, and make a pull request of."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, overload

import msgspec

from lemnos_sdk._call import IO, Call, Resource, given, operation, path
from lemnos_sdk._errors import TaskAwaitingDecisionError, TaskCancelledError, TaskFailedError
from lemnos_sdk._events import EventStream
from lemnos_sdk._gates import TaskGates
from lemnos_sdk._model import reader
from lemnos_sdk._pages import Page, Pages
from lemnos_sdk._waiting import Wait, wait
from lemnos_sdk.codeforge.models import (
    Cancelling,
    Config,
    Created,
    Diff,
    Instructed,
    PullRequest,
    TaskStatus,
)

if TYPE_CHECKING:
    from lemnos_sdk._transport import Async, Sync

ROOT = "/api/v1/tasks"
RESTING = frozenset({"completed", "failed", "cancelled", "pr_created"})
_PULL_REQUEST_SECONDS = 120.0


class Tasks(Resource[IO]):
    """``client.tasks``."""

    @operation
    def create(
        self,
        *,
        repo_url: str,
        prompt: str,
        access_token: str | None = None,
        provider_key: str | None = None,
        callback_url: str | None = None,
        config: Config | None = None,
        gates: TaskGates | str | bool | None = None,
    ) -> Call[Task[IO]]:
        """Give an agent a prompt on a repository. The answer is a handle of the task.

        ``provider_key`` names a registered key; ``access_token`` is one for this task alone.
        ``gates`` judge the work before it ends: True, or the name of a profile, or all of it.
        """
        body = given(
            repo_url=repo_url,
            prompt=prompt,
            access_token=access_token,
            provider_key=provider_key,
            callback_url=callback_url,
            config=config,
            gates=gates,
        )
        read = reader(Created)
        return Call("POST", ROOT, lambda content: Task(self._io, read(content).id), body=body)

    def of(self, task_id: str) -> Task[IO]:
        """The handle of a task that was created before. Asks nothing of the server."""
        return Task(self._io, task_id)

    @operation
    def get(self, task_id: str, *, iterations: bool = False) -> Call[TaskStatus]:
        """A task as it is now; with ``iterations`` also its prompts and what came of each."""
        query = {"include": "iterations"} if iterations else {}
        return Call("GET", path(ROOT, task_id), reader(TaskStatus), query=query)

    def list(self, *, status: str | None = None, limit: int | None = None) -> Pages[TaskStatus, IO]:
        """The tasks, the newest first; ``limit`` is the size of a page, at most 100."""
        query = given(status=status, limit=limit)
        return Pages(
            self._io, lambda following: Call("GET", ROOT, _page, query={**query, **following})
        )

    @operation
    def instruct(
        self,
        task_id: str,
        prompt: str,
        *,
        timeout_seconds: int | None = None,
        max_turns: int | None = None,
        max_budget_usd: float | None = None,
    ) -> Call[Instructed]:
        """Follow up in the same workspace. Raises ConflictError while the task is at work."""
        body = given(
            prompt=prompt,
            timeout_seconds=timeout_seconds,
            max_turns=max_turns,
            max_budget_usd=max_budget_usd,
        )
        return Call("POST", path(ROOT, task_id, "instruct"), reader(Instructed), body=body)

    @operation
    def cancel(self, task_id: str) -> Call[Cancelling]:
        """Ask a task to end. Raises ConflictError when it is at rest."""
        return Call("POST", path(ROOT, task_id, "cancel"), reader(Cancelling))

    @operation
    def diff(self, task_id: str) -> Call[Diff]:
        """What a task has changed against the commit it started from."""
        return Call("GET", path(ROOT, task_id, "diff"), reader(Diff))

    @operation
    def create_pr(
        self,
        task_id: str,
        *,
        title: str | None = None,
        description: str | None = None,
        target_branch: str | None = None,
    ) -> Call[PullRequest]:
        """Push a task's work and open a pull request; asked again, push to the same one."""
        where = path(ROOT, task_id, "create-pr")
        body = given(title=title, description=description, target_branch=target_branch)
        read = reader(PullRequest)
        return Call("POST", where, read, body=body, timeout=_PULL_REQUEST_SECONDS)

    def stream(self, task_id: str, *, after: str = "") -> EventStream[IO]:
        """The task's events from the beginning, or after one of them, until it is at rest."""
        return EventStream(self._io, path(ROOT, task_id, "stream"), after)


class Task(Resource[IO]):
    """A handle of a task."""

    def __init__(self, io: IO, task_id: str) -> None:
        super().__init__(io)
        self._tasks = Tasks(io)
        self.id = task_id

    @overload
    def wait(self: Task[Sync], timeout: float | None = None) -> TaskStatus: ...
    @overload
    def wait(
        self: Task[Async], timeout: float | None = None
    ) -> Coroutine[Any, Any, TaskStatus]: ...
    def wait(self, timeout: float | None = None) -> Any:
        """The task when it has completed; ``timeout`` in seconds.

        Raises TaskFailedError, TaskCancelledError, TaskAwaitingDecisionError when the budget is
        spent, and WaitTimeoutError; the task goes on after the last.
        """
        look = Task.get.describe(self)
        stream = path(ROOT, self.id, "stream")
        return wait(self._io, Wait(look, _rests, _concluded, stream=stream), timeout)

    @operation
    def get(self, *, iterations: bool = False) -> Call[TaskStatus]:
        """As it is now."""
        return Tasks.get.describe(self._tasks, self.id, iterations=iterations)

    @operation
    def instruct(
        self,
        prompt: str,
        *,
        timeout_seconds: int | None = None,
        max_turns: int | None = None,
        max_budget_usd: float | None = None,
    ) -> Call[Instructed]:
        """Follow up in the same workspace."""
        return Tasks.instruct.describe(
            self._tasks,
            self.id,
            prompt,
            timeout_seconds=timeout_seconds,
            max_turns=max_turns,
            max_budget_usd=max_budget_usd,
        )

    @operation
    def cancel(self) -> Call[Cancelling]:
        """Ask it to end."""
        return Tasks.cancel.describe(self._tasks, self.id)

    @operation
    def diff(self) -> Call[Diff]:
        """What it has changed."""
        return Tasks.diff.describe(self._tasks, self.id)

    @operation
    def create_pr(
        self,
        *,
        title: str | None = None,
        description: str | None = None,
        target_branch: str | None = None,
    ) -> Call[PullRequest]:
        """Push its work and open a pull request."""
        return Tasks.create_pr.describe(
            self._tasks,
            self.id,
            title=title,
            description=description,
            target_branch=target_branch,
        )

    def stream(self, *, after: str = "") -> EventStream[IO]:
        """Its events from the beginning, or after one of them, until it is at rest."""
        return self._tasks.stream(self.id, after=after)


def _page(content: Mapping[str, Any]) -> Page[TaskStatus]:
    items = msgspec.convert(content["tasks"], list[TaskStatus])
    cursor = content["next"]
    following = {"cursor": cursor, "limit": content["limit"]} if cursor else None
    return Page(items, content["total"], following)


def _rests(task: TaskStatus) -> bool:
    return task.status in RESTING


def _concluded(task: TaskStatus, _explanation: object) -> TaskStatus:
    if task.paused:
        message = f"{task.id} has spent its budget and waits for a decision."
        raise TaskAwaitingDecisionError(message, task)
    if task.status == "cancelled":
        raise TaskCancelledError(f"{task.id} was cancelled.", task)
    if task.status == "failed":
        raise TaskFailedError(f"{task.id} failed: {task.error}", task)
    return task
