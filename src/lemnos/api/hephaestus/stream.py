"""The event stream of an operation: all its history, then what happens, to its end."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import aclosing

from lemnos.api.hephaestus import present
from lemnos.api.kit import sse
from lemnos.api.kit.answers import encode
from lemnos.api.kit.core import Core
from lemnos.domains.operations.events import ENDED, stream_of
from lemnos.domains.operations.model import Operation
from lemnos.kernel.context import Context
from lemnos.platform.events.port import Event
from lemnos.platform.events.ring import Marked

_KEEPALIVE = 15.0  # seconds


async def follow(
    core: Core, ctx: Context, operation: Operation, after: int
) -> AsyncIterator[bytes]:
    """The frames of an operation's stream behind the event ``after``."""
    yield sse.frame(encode(present.connected(operation)), event="connected")
    if operation.ended and after >= await core.operations.last_event(operation.id):
        yield _done(operation)
        return
    idle_since = time.monotonic()
    heartbeat = min(_KEEPALIVE, core.settings.stream_idle)
    frames = core.hub.follow(stream_of(operation.id), after, _frame, heartbeat=heartbeat)
    async with aclosing(frames) as batches:
        async for batch in batches:
            if batch:
                idle_since = time.monotonic()
                yield batch.joined
                if batch.marked:
                    yield _done(await core.operations.get(ctx, operation.id))
                    return
            elif time.monotonic() - idle_since >= core.settings.stream_idle:
                yield sse.timeout_frame(core.settings.stream_idle)
                return
            else:
                yield sse.KEEPALIVE


def _frame(event: Event) -> bytes:
    made = sse.event_frame(event)
    return Marked(made) if event.name == ENDED else made


def _done(operation: Operation) -> bytes:
    return sse.frame(encode(present.operation(operation)), event="done")
