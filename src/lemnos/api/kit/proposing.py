"""Proposing a task's changes: the pull request is a job, and the caller waits for it."""

from __future__ import annotations

from lemnos.api.kit.core import Core
from lemnos.domains.tasks.model import PullRequestAsked, Status, Task
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Kind, LemnosError, TimedOut

_PATIENCE = 90.0  # seconds that a client waits for a push and a call to the git host
_KINDS = {"cancelled": Kind.CONFLICT, "branch_exists": Kind.CONFLICT, "internal": Kind.INTERNAL}


async def propose(core: Core, ctx: Context, task_id: str, asked: PullRequestAsked) -> Task:
    """The task with its pull request open.

    Should the server die in the middle, the job goes on, and asking again joins it. Raises what
    kept it from being opened, ``TimedOut`` while it is still being made.
    """
    task = await core.door.do(
        ctx,
        "task.create_pr",
        lambda tx: core.tasks.ask_pull_request(tx, ctx, task_id, asked),
        target=task_id,
    )
    task = await core.tasks.rested(ctx, task.id, _PATIENCE)
    if task.status is Status.PR_CREATED:
        return task
    if task.status is Status.CREATING_PR:
        message = "The pull request is still being made; get the task to see when it is there."
        raise TimedOut(message, code="pull_request_pending")
    failure = LemnosError(
        task.error or "The pull request could not be made.",
        code=task.error_class or "pull_request_failed",
    )
    failure.kind = _KINDS.get(task.error_class, Kind.UNPROCESSABLE)
    raise failure
