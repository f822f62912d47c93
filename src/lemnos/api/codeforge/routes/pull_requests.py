"""Pull requests."""

from __future__ import annotations

from starlette.responses import Response

from lemnos.api.codeforge import examples, present, wire
from lemnos.api.codeforge.routes.tasks import TaskId
from lemnos.api.kit.answers import from_reply, reply
from lemnos.api.kit.describe import body_like
from lemnos.api.kit.operation import CoreDep, Ctx, OnceDep, needs, operations
from lemnos.domains.tasks.model import PullRequestAsked, Status, Task
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Kind, LemnosError, TimedOut
from lemnos.platform.execute import Reply

router = operations("Pull requests", prefix="/api/v1/tasks")
_PATIENCE = 90.0  # seconds that a client waits for a push and a call to the git host


@router.post(
    "/{task_id}/create-pr",
    response_model=wire.PullRequest,
    responses=examples.PULL_REQUEST,
    summary="Create a pull request",
    **needs("tasks:write", **body_like(examples.NEW_PULL_REQUEST)),
)
async def create_pull_request(
    task_id: TaskId,
    core: CoreDep,
    ctx: Ctx,
    once: OnceDep,
    body: wire.CreatePullRequest | None = None,
) -> Response:
    """Commit, push and open a pull request; asked again, push what is new to the same one.

    The work is a job: should the server die in the middle, it goes on, and asking again joins it.
    """
    asked = PullRequestAsked(**(body or wire.CreatePullRequest()).model_dump())

    async def work() -> Reply:
        await core.door.do(
            ctx,
            "task.create_pr",
            lambda tx: core.tasks.ask_pull_request(tx, ctx, task_id, asked),
            target=task_id,
        )
        return reply(present.pull_request(_opened(await _finished(core, ctx, task_id))))

    return from_reply(await core.door.reply_slowly(ctx, work, once=once))


async def _finished(core: CoreDep, ctx: Context, task_id: str) -> Task:
    task = await core.tasks.rested(ctx, task_id, _PATIENCE)
    if task.status is Status.CREATING_PR:
        message = "The pull request is still being made; get the task to see when it is there."
        raise TimedOut(message, code="pull_request_pending")
    return task


def _opened(task: Task) -> Task:
    if task.status is Status.PR_CREATED:
        return task
    failure = LemnosError(
        task.error or "The pull request could not be made.",
        code=task.error_class or "pull_request_failed",
    )
    failure.kind = _KINDS.get(task.error_class, Kind.UNPROCESSABLE)
    raise failure


_KINDS = {"cancelled": Kind.CONFLICT, "branch_exists": Kind.CONFLICT, "internal": Kind.INTERNAL}
