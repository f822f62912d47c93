"""Task management: submit, follow, list, cancel, retry.

Submit, get and list are hot: they take the bare request and skip the framework's parsing.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from lemnos.api.kit.answers import from_reply
from lemnos.api.kit.core import Core
from lemnos.api.kit.describe import body_like, direct_body, in_path, in_query
from lemnos.api.kit.errors import naming
from lemnos.api.kit.operation import (
    CoreDep,
    Ctx,
    OnceDep,
    context_of,
    core_of,
    needs,
    once_of,
    operations,
)
from lemnos.api.kit.query import choice, number, text
from lemnos.api.orchex.envelope import answer_of, reply_of
from lemnos.api.orchex.examples import tasks as examples
from lemnos.api.orchex.params import TaskIdPath, moment
from lemnos.api.orchex.present import orders
from lemnos.api.orchex.present import tasks as present
from lemnos.api.orchex.wire import tasks as wire
from lemnos.api.orchex.wire.common import Success
from lemnos.domains.tasks.model import Task, TaskType, resting
from lemnos.domains.tasks.routing.listing import TaskFilter
from lemnos.domains.tasks.routing.model import OrderRecord
from lemnos.kernel.context import Context
from lemnos.platform.db import Tx

router = operations("ORCHEX: tasks", prefix="/v1/tasks")
_PATIENCE = 15.0  # seconds that a caller waits for a cancelled task's agent to stop
_TYPES = tuple(one.value for one in TaskType)
_TIME = {"type": "string", "format": "date-time"}


@router.post(
    "",
    status_code=202,
    response_model=Success[wire.TaskSubmitted],
    responses=examples.SUBMITTED,
    summary="Submit a task",
    **needs("tasks:write", direct=True, **direct_body(wire.SubmitTask, examples.SUBMIT)),
)
async def submit_task(request: Request) -> Response:
    """Accept work; the agent that fits it best does it, the next ones take over if it fails."""
    core, ctx = core_of(request), context_of(request)
    once = await once_of(request)
    order = orders.order(wire.SubmitTask.model_validate_json(await request.body()))
    with naming(orders.FIELDS):
        task = await core.orders.draft(ctx, order)

    async def submit(tx: Tx) -> Task:
        return await core.orders.submit(tx, ctx, task, order)

    progress = await core.orders.progress(ctx, task)
    kept = await core.door.reply(
        ctx,
        "task.submit",
        submit,
        lambda made: reply_of(ctx, present.submitted(made, progress), 202),
        once=once,
        target=task.id,
    )
    return from_reply(kept)


@router.get(
    "/{task_id}",
    response_model=Success[wire.TaskDetails],
    responses=examples.TASK,
    summary="Get a task",
    **needs("tasks:read", direct=True, parameters=[in_path("task_id")]),
)
async def get_task(request: Request) -> Response:
    """How far a task is, what came of it, and what that took; CodeForge's tasks as well."""
    core, ctx = core_of(request), context_of(request)
    task = await core.tasks.get(ctx, request.path_params["task_id"])
    record = await _record(core, ctx, task)
    progress = await core.orders.progress(ctx, task)
    result = await core.orders.result(ctx, task) if resting(task.status) else None
    return answer_of(ctx, present.details(task, progress, result, record))


@router.get(
    "",
    response_model=Success[wire.TaskPage],
    responses=examples.TASKS,
    summary="List tasks",
    **needs(
        "tasks:read",
        direct=True,
        parameters=[
            in_query("status", {"type": "string", "enum": list(wire.TASK_STATES)}),
            in_query("type", {"type": "string", "enum": list(_TYPES)}),
            in_query("agent_id", {"type": "string", "maxLength": 100}),
            in_query("user_id", {"type": "string", "maxLength": 200}),
            in_query("since", _TIME),
            in_query("until", _TIME),
            in_query("limit", {"type": "integer", "minimum": 1, "maximum": 100}),
            in_query("offset", {"type": "integer", "minimum": 0}),
        ],
    ),
)
async def list_tasks(request: Request) -> Response:
    """Tasks, the newest first, those of CodeForge among them."""
    core, ctx = core_of(request), context_of(request)
    limit = number(request, "limit", 50, 1, 100)
    offset = number(request, "offset", 0, 0, 1_000_000_000)
    wanted = TaskFilter(
        status=present.statuses(choice(request, "status", wire.TASK_STATES, "")),
        type=choice(request, "type", _TYPES, ""),
        agent_id=text(request, "agent_id", 100),
        user_id=text(request, "user_id", 200),
        since=moment("since", text(request, "since", 64)),
        until=moment("until", text(request, "until", 64)),
    )
    page = await core.orders.page(ctx, wanted, limit, offset)
    return answer_of(ctx, present.page(page, limit, offset))


@router.delete(
    "/{task_id}",
    response_model=Success[wire.TaskCancelled],
    responses=examples.CANCELLED,
    summary="Cancel a task",
    **needs("tasks:write"),
)
async def cancel_task(task_id: TaskIdPath, core: CoreDep, ctx: Ctx) -> Response:
    """End a task and wait for its agent to stop; 409 when it is at rest already."""
    asked = await core.door.do(
        ctx, "task.cancel", lambda tx: core.orders.cancel(tx, ctx, task_id), target=task_id
    )
    return answer_of(ctx, present.cancelled(await core.tasks.rested(ctx, asked.id, _PATIENCE)))


@router.post(
    "/{task_id}/retry",
    status_code=202,
    response_model=Success[wire.TaskRetried],
    responses=examples.RETRIED,
    summary="Retry a task",
    **needs("tasks:write", **body_like(examples.RETRY)),
)
async def retry_task(
    task_id: TaskIdPath,
    core: CoreDep,
    ctx: Ctx,
    once: OnceDep,
    body: wire.RetryTask | None = None,
) -> Response:
    """Do again, as a new task, what one at rest was asked for; 409 while it is at work."""
    asked = body or wire.RetryTask()
    again, order = await core.orders.draft_retry(ctx, task_id, asked.agent_id or "", asked.priority)
    kept = await core.door.reply(
        ctx,
        "task.retry",
        lambda tx: core.orders.submit(tx, ctx, again, order),
        lambda made: reply_of(ctx, present.retried(order.retry_of, made), 202),
        once=once,
        target=task_id,
    )
    return from_reply(kept)


async def _record(core: Core, ctx: Context, task: Task) -> OrderRecord | None:
    return await core.orders.order(ctx, task.id) if task.routed else None
