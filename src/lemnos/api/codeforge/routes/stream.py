"""The event stream of a task: all its history, then what happens, until it is at rest."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from lemnos.api.codeforge import examples, present
from lemnos.api.kit import sse
from lemnos.api.kit.answers import encode
from lemnos.api.kit.core import Core
from lemnos.api.kit.operation import context_of, core_of, is_admitted, needs, operations
from lemnos.domains.tasks.events import ENDINGS, stream_of
from lemnos.domains.tasks.model import Task, resting
from lemnos.kernel.clock import iso
from lemnos.kernel.context import Context
from lemnos.platform.events.port import Event
from lemnos.platform.events.ring import Marked

router = operations("Events", prefix="/api/v1/tasks")
_KEEPALIVE = 15.0  # seconds


def _frame(event: Event) -> bytes:
    """An event as every reader of its stream gets it."""
    kind, name, ts = encode(event.type), encode(event.name), encode(iso(event.ts))
    detail = b',"detail":%s' % event.detail if event.detail else b""
    data = b'{"type":%s,"event":%s,"data":%s,"ts":%s%s}' % (kind, name, event.data, ts, detail)
    made = sse.frame(data, id=event.seq)
    return Marked(made) if event.name in ENDINGS else made  # the task may be at rest now


def _number(frame: bytes) -> int:
    """The number of the event that a frame shows: it begins with its ``id``."""
    return int(frame[len(b"id: ") : frame.index(b"\n")])


@router.get(
    "/{task_id}/stream",
    response_class=Response,
    summary="Stream task events",
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    **needs(
        "tasks:read",
        direct=True,
        parameters=[
            examples.path("task_id"),
            examples.query("last_event_id", {"type": "integer", "minimum": 0}),
        ],
    ),
)
async def stream_task(request: Request) -> Response:
    """Server-sent events; ``Last-Event-ID`` resumes without a gap or a repeat, on any node."""
    core, ctx = core_of(request), context_of(request)
    after = sse.resume_after(request)
    task = await core.tasks.get(ctx, request.path_params["task_id"])
    source = _follow(core, ctx, task, after)
    admitted = partial(is_admitted, request)
    return sse.EventStream(source, core.readiness, admitted)  # type: ignore[return-value]


async def _follow(core: Core, ctx: Context, task: Task, after: int) -> AsyncIterator[bytes]:
    connected = {"task_id": task.id, "status": present.status_of(task.status)}
    yield sse.frame(encode(connected), event="connected")
    if resting(task.status) and after >= await core.tasks.last_event(task.id):
        yield _done(task)
        return
    idle_since, ending = time.monotonic(), False
    heartbeat = min(_KEEPALIVE, core.settings.stream_idle)
    frames = core.hub.follow(stream_of(task.id), after, _frame, heartbeat=heartbeat)
    async with aclosing(frames) as batches:
        async for batch in batches:
            if not batch:
                if time.monotonic() - idle_since >= core.settings.stream_idle:
                    yield _timeout(core.settings.stream_idle)
                    return
                yield sse.KEEPALIVE
                continue
            idle_since = time.monotonic()
            yield batch.joined
            ending = ending or batch.marked
            if ending:
                task = await core.tasks.get(ctx, task.id)
                ending = resting(task.status)
                # An earlier iteration's end is not the last of the history.
                if ending and _number(batch[-1]) >= await core.tasks.last_event(task.id):
                    yield _done(task)
                    return


def _done(task: Task) -> bytes:
    shown = present.task(task)
    names = ("task_id", "status", "changes_summary")
    return sse.frame(encode({name: shown[name] for name in names}), event="done")


def _timeout(seconds: int) -> bytes:
    message = f"No event for {seconds} seconds; connect again with Last-Event-ID to go on."
    return sse.frame(encode({"message": message}), event="timeout")
