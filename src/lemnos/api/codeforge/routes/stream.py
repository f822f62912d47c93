"""The event stream of a task."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from lemnos.api.codeforge import present
from lemnos.api.kit.describe import in_path, in_query
from lemnos.api.kit.operation import needs, operations
from lemnos.api.kit.task_stream import Words, answer_stream

router = operations("Events", prefix="/api/v1/tasks")
WORDS = Words(present.connected, present.done)


@router.get(
    "/{task_id}/stream",
    response_class=Response,
    summary="Stream task events",
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
async def stream_task(request: Request) -> Response:
    """Server-sent events; ``Last-Event-ID`` resumes without a gap or a repeat, on any node."""
    return await answer_stream(request, WORDS)
