"""Pull requests."""

from __future__ import annotations

from starlette.responses import Response

from lemnos.api.codeforge import examples, present, wire
from lemnos.api.codeforge.routes.tasks import TaskId
from lemnos.api.kit.answers import from_reply, reply
from lemnos.api.kit.describe import body_like
from lemnos.api.kit.operation import CoreDep, Ctx, OnceDep, needs, operations
from lemnos.api.kit.proposing import propose
from lemnos.domains.tasks.model import PullRequestAsked
from lemnos.platform.execute import Reply

router = operations("Pull requests", prefix="/api/v1/tasks")


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
        return reply(present.pull_request(await propose(core, ctx, task_id, asked)))

    return from_reply(await core.door.reply_slowly(ctx, work, once=once))
