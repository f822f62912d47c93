"""What a task has changed, its events, its pull request, and what people say of it. Ours."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from lemnos.api.kit.answers import from_reply
from lemnos.api.kit.describe import body_like, in_path, in_query
from lemnos.api.kit.operation import CoreDep, Ctx, OnceDep, needs, operations
from lemnos.api.kit.proposing import propose
from lemnos.api.kit.task_stream import Words, answer_stream
from lemnos.api.orchex.envelope import answer_of, reply_of
from lemnos.api.orchex.examples import tasks as examples
from lemnos.api.orchex.params import TaskIdPath
from lemnos.api.orchex.present import orders
from lemnos.api.orchex.present import tasks as present
from lemnos.api.orchex.wire import tasks as wire
from lemnos.api.orchex.wire.common import Success
from lemnos.kernel.ids import task_id_of
from lemnos.platform.execute import Reply

router = operations("ORCHEX: tasks", prefix="/v1/tasks")
WORDS = Words(present.connected, present.done)


@router.get(
    "/{task_id}/diff",
    response_model=Success[wire.TaskDiff],
    responses=examples.DIFF,
    summary="Get the changes of a task",
    **needs("tasks:read"),
)
async def get_task_diff(task_id: TaskIdPath, core: CoreDep, ctx: Ctx) -> Response:
    """What the task has changed against the commit it started from."""
    task = await core.tasks.get(ctx, task_id)
    return answer_of(ctx, present.diff(task, await core.changes.diff(task)))


@router.get(
    "/{task_id}/events",
    response_class=Response,
    summary="Stream the events of a task",
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    **needs(
        "tasks:read",
        direct=True,
        parameters=[
            in_path("task_id"),
            in_query("last_event_id", {"type": "integer", "minimum": 0}),
        ],
    ),
)
async def stream_task_events(request: Request) -> Response:
    """Server-sent events; ``Last-Event-ID`` resumes without a gap or a repeat, on any node."""
    return await answer_stream(request, WORDS)


@router.post(
    "/{task_id}/pull-request",
    response_model=Success[wire.TaskProposed],
    responses=examples.PROPOSED,
    summary="Propose the changes of a task",
    **needs("tasks:write", **body_like(examples.PROPOSE)),
)
async def propose_changes(
    task_id: TaskIdPath,
    core: CoreDep,
    ctx: Ctx,
    once: OnceDep,
    body: wire.ProposeChanges | None = None,
) -> Response:
    """Commit, push and open a pull request; asked again, push what is new to the same one."""
    asked = orders.pull_request(body or wire.ProposeChanges())

    async def work() -> Reply:
        return reply_of(ctx, present.proposed(await propose(core, ctx, task_id, asked)))

    return from_reply(await core.door.reply_slowly(ctx, work, once=once))


@router.post(
    "/{task_id}/feedback",
    response_model=Success[wire.TaskJudged],
    responses=examples.JUDGED,
    summary="Say what a task's outcome is worth",
    **needs("tasks:write", **body_like(examples.FEEDBACK)),
)
async def give_feedback(
    task_id: TaskIdPath, body: wire.GiveFeedback, core: CoreDep, ctx: Ctx, once: OnceDep
) -> Response:
    """Approved, rejected or reverted: it counts in the quality of the agent that did the work."""
    verdict = body.verdict
    kept = await core.door.reply(
        ctx,
        "task.feedback",
        lambda tx: core.orders.feedback(tx, ctx, task_id, verdict, body.comment),
        lambda task: reply_of(
            ctx,
            {
                "task_id": task_id_of(task.id),
                "agent_id": task.agent_id or None,
                "verdict": verdict.value,
            },
        ),
        once=once,
        target=task_id,
        detail={"verdict": verdict.value},
    )
    return from_reply(kept)
