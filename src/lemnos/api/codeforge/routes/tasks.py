"""Tasks: create, read, list, follow up, cancel.

Create, read and list are hot: they take the bare request and skip the framework's parsing.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.requests import Request
from starlette.responses import Response

from lemnos.api.codeforge import examples, present, wire
from lemnos.api.kit.answers import answer, from_reply, reply
from lemnos.api.kit.describe import body_like, direct_body, in_path, in_query
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
from lemnos.domains.tasks.model import Status
from lemnos.domains.tasks.service import Followup

router = operations("Tasks", prefix="/api/v1/tasks")
TaskId = Annotated[str, Path(max_length=64)]


@router.post(
    "",
    status_code=201,
    response_model=wire.TaskCreated,
    responses=examples.CREATED,
    summary="Create a task",
    **needs("tasks:write", direct=True, **direct_body(wire.CreateTask, examples.NEW_TASK)),
)
async def create_task(request: Request) -> Response:
    """Accept a prompt on a repository; the work begins in the background."""
    core, ctx = core_of(request), context_of(request)
    once = await once_of(request)
    body = wire.CreateTask.model_validate_json(await request.body())
    task = await core.tasks.draft(ctx, present.new_task(body))
    kept = await core.door.reply(
        ctx,
        "task.create",
        lambda tx: core.tasks.create(tx, ctx, task),
        lambda made: reply(present.created(made), 201),
        once=once,
        target=task.id,
    )
    return from_reply(kept)


@router.get(
    "/{task_id}",
    response_model=wire.Task,
    responses=examples.TASK,
    summary="Get a task",
    **needs(
        "tasks:read",
        direct=True,
        parameters=[
            in_path("task_id"),
            in_query("include", {"type": "string", "enum": ["iterations"]}),
        ],
    ),
)
async def get_task(request: Request) -> Response:
    """A task; with ``include=iterations`` also its prompts and what came of each."""
    core, ctx = core_of(request), context_of(request)
    task = await core.tasks.get(ctx, request.path_params["task_id"])
    percentage = await core.orders.percentage(ctx, task)
    if not request.scope["query_string"]:
        return answer(present.followed(task, percentage))
    include = choice(request, "include", ("iterations",), "")
    iterations = await core.tasks.iterations(ctx, task.id) if include else None
    return answer(present.followed(task, percentage, iterations))


@router.get(
    "",
    response_model=wire.TaskList,
    responses=examples.TASKS,
    summary="List tasks",
    **needs(
        "tasks:read",
        direct=True,
        parameters=[
            in_query("status", {"type": "string", "enum": [s.value for s in Status]}),
            in_query("limit", {"type": "integer", "minimum": 1, "maximum": 100}),
            in_query("offset", {"type": "integer", "minimum": 0}),
            in_query("cursor", {"type": "string"}),
        ],
    ),
)
async def list_tasks(request: Request) -> Response:
    """Tasks, the newest first. ``cursor`` takes the ``next`` of the page before: any depth."""
    core, ctx = core_of(request), context_of(request)
    limit = number(request, "limit", 50, 1, 100)
    offset = number(request, "offset", 0, 0, 1_000_000_000)
    status = choice(request, "status", tuple(Status), "")
    page = await core.tasks.page(
        ctx, status=status, limit=limit, offset=offset, after=text(request, "cursor")
    )
    return answer(present.tasks(page, limit, offset))


@router.post(
    "/{task_id}/instruct",
    response_model=wire.Instructed,
    responses=examples.INSTRUCTED,
    summary="Follow up",
    **needs("tasks:write", **body_like(examples.INSTRUCT)),
)
async def instruct(
    task_id: TaskId, body: wire.Instruct, core: CoreDep, ctx: Ctx, once: OnceDep
) -> Response:
    """Start a new iteration in the same workspace; 409 while the task is at work."""
    followup = Followup(body.prompt, body.timeout_seconds, body.max_turns, body.max_budget_usd)
    kept = await core.door.reply(
        ctx,
        "task.instruct",
        lambda tx: core.tasks.instruct(tx, ctx, task_id, followup),
        lambda task: reply(
            {"id": task.id, "status": task.status.value, "iteration": task.iteration}
        ),
        once=once,
        target=task_id,
    )
    return from_reply(kept)


@router.post(
    "/{task_id}/cancel",
    response_model=wire.Cancelling,
    responses=examples.CANCELLING,
    summary="Cancel a task",
    **needs("tasks:write"),
)
async def cancel(task_id: TaskId, core: CoreDep, ctx: Ctx, once: OnceDep) -> Response:
    """Ask a task to end; 409 when it is at rest already."""
    kept = await core.door.reply(
        ctx,
        "task.cancel",
        lambda tx: core.tasks.cancel(tx, ctx, task_id),
        lambda task: reply(
            {"id": task.id, "status": "cancelling", "message": "The task is being cancelled."}
        ),
        once=once,
        target=task_id,
    )
    return from_reply(kept)


@router.get(
    "/{task_id}/diff",
    response_model=wire.Diff,
    responses=examples.DIFF,
    summary="Get the changes of a task",
    **needs("tasks:read"),
)
async def get_diff(task_id: TaskId, core: CoreDep, ctx: Ctx) -> Response:
    """What the task has changed against the commit it started from."""
    task = await core.tasks.get(ctx, task_id)
    return answer(present.diff(await core.changes.diff(task)))
