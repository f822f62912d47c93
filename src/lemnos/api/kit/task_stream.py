"""The event stream of a task: all its history, then what happens, until it is at rest.

Each document shows the same events at a path of its own; only what the stream says of the task
itself, at its beginning and end, is in the document's words.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from lemnos.api.kit import sse
from lemnos.api.kit.answers import encode
from lemnos.api.kit.core import Core
from lemnos.api.kit.operation import context_of, core_of, is_admitted
from lemnos.domains.tasks.events import ENDINGS, stream_of
from lemnos.domains.tasks.model import Task, resting
from lemnos.kernel.context import Context
from lemnos.platform.events.port import Event
from lemnos.platform.events.ring import Marked

_KEEPALIVE = 15.0  # seconds


@dataclass(frozen=True, slots=True)
class Words:
    """What a document says of a task when its stream begins, and when the task is at rest."""

    connected: Callable[[Task], Mapping[str, object]]
    done: Callable[[Task], Mapping[str, object]]


async def answer_stream(request: Request, words: Words) -> Response:
    """The stream of the task that the path names; ``Last-Event-ID`` resumes it."""
    core, ctx = core_of(request), context_of(request)
    after = sse.resume_after(request)
    task = await core.tasks.get(ctx, request.path_params["task_id"])
    source = follow(core, ctx, task, after, words)
    admitted = partial(is_admitted, request)
    return sse.EventStream(source, core.readiness, admitted)  # type: ignore[return-value]


async def follow(
    core: Core, ctx: Context, task: Task, after: int, words: Words
) -> AsyncIterator[bytes]:
    """The frames of a task's stream behind the event ``after``."""
    yield sse.frame(encode(words.connected(task)), event="connected")
    if resting(task.status) and after >= await core.tasks.last_event(task.id):
        yield _done(task, words)
        return
    idle_since, ending = time.monotonic(), False
    heartbeat = min(_KEEPALIVE, core.settings.stream_idle)
    frames = core.hub.follow(stream_of(task.id), after, _frame, heartbeat=heartbeat)
    async with aclosing(frames) as batches:
        async for batch in batches:
            if not batch:
                if time.monotonic() - idle_since >= core.settings.stream_idle:
                    yield sse.timeout_frame(core.settings.stream_idle)
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
                    yield _done(task, words)
                    return


def _frame(event: Event) -> bytes:
    made = sse.event_frame(event)
    return Marked(made) if event.name in ENDINGS else made  # the task may be at rest now


def _number(frame: bytes) -> int:
    """The number of the event that a frame shows: it begins with its ``id``."""
    return int(frame[len(b"id: ") : frame.index(b"\n")])


def _done(task: Task, words: Words) -> bytes:
    return sse.frame(encode(words.done(task)), event="done")
