"""Tasks of Hephaestus, which here are operations: at the paths of CodeForge's tasks, by their ids.

A caller needs the permission of the operation's kind. One of another kind is not there for them:
whoever may run gates learns nothing of what was cleaned.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from lemnos.api.hephaestus import examples, present, wire
from lemnos.api.hephaestus.params import OperationId
from lemnos.api.hephaestus.stream import follow
from lemnos.api.kit import sse
from lemnos.api.kit.answers import answer, from_reply, reply
from lemnos.api.kit.core import Core
from lemnos.api.kit.describe import in_path, in_query
from lemnos.api.kit.operation import (
    CoreDep,
    Ctx,
    OnceDep,
    context_of,
    core_of,
    is_admitted,
    needs,
    operations,
)
from lemnos.api.kit.shared_paths import OPERATION_ID
from lemnos.domains.operations.model import Kind, Operation
from lemnos.kernel.context import Context
from lemnos.kernel.errors import NotFound

router = operations("Hephaestus: tasks", prefix="/api/v1/tasks")
_AREAS: Mapping[Kind, str] = {Kind.GUARD_RAILS: "quality", Kind.CLEANUP: "cleanup"}
_READ = tuple(f"{area}:read" for area in _AREAS.values())
_WRITE = tuple(f"{area}:write" for area in _AREAS.values())
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


@router.get(
    f"/{OPERATION_ID}",
    response_model=wire.OperationState,
    responses=examples.OPERATION,
    summary="Get a task of Hephaestus",
    **needs(*_READ),
)
async def get_operation(task_id: OperationId, core: CoreDep, ctx: Ctx) -> Response:
    """Ids that begin with `task-` are of gates and cleanup: where one is, and what came of it."""
    return answer(present.operation(await _seen(core, ctx, task_id, "read")))


@router.get(
    f"/{OPERATION_ID}/stream",
    response_class=Response,
    responses=_STREAM,
    summary="Stream events of a task of Hephaestus",
    **needs(
        *_READ,
        direct=True,
        parameters=[
            in_path("task_id"),
            in_query("last_event_id", {"type": "integer", "minimum": 0}),
        ],
    ),
)
async def stream_operation(request: Request) -> Response:
    """Ids that begin with `task-`: each gate as it begins and ends; resumes in the same way."""
    core, ctx = core_of(request), context_of(request)
    after = sse.resume_after(request)
    operation = await _seen(core, ctx, request.path_params["task_id"], "read")
    source = follow(core, ctx, operation, after)
    admitted = partial(is_admitted, request)
    return sse.EventStream(source, core.readiness, admitted)  # type: ignore[return-value]


@router.post(
    f"/{OPERATION_ID}/cancel",
    response_model=wire.CancellingOperation,
    responses=examples.CANCELLING,
    summary="Cancel a task of Hephaestus",
    **needs(*_WRITE),
)
async def cancel_operation(
    task_id: OperationId, core: CoreDep, ctx: Ctx, once: OnceDep
) -> Response:
    """Ids that begin with `task-`: ends the tools that run; 409 when it has ended already."""
    found = await _seen(core, ctx, task_id, "write")
    kept = await core.door.reply(
        ctx,
        f"{found.kind.value}.cancel",
        lambda tx: core.operations.cancel(tx, ctx, task_id),
        lambda operation: reply(present.cancelling(operation)),
        once=once,
        target=task_id,
    )
    return from_reply(kept)


async def _seen(core: Core, ctx: Context, task_id: str, access: str) -> Operation:
    """The operation, if the caller may have it."""
    found = await core.operations.get(ctx, task_id)
    if not ctx.principal.may(f"{_AREAS[found.kind]}:{access}"):
        raise NotFound(f"There is no task {task_id}.", code="task_not_found")
    return found
