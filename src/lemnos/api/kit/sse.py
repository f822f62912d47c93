"""Server-sent events: frames encoded once, written as they come, resumable by ``Last-Event-ID``.

The format is the WHATWG HTML standard's, section "Server-sent events".
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from lemnos.api.kit.answers import encode
from lemnos.api.kit.readiness import Readiness
from lemnos.kernel.background import cancelled
from lemnos.kernel.clock import iso
from lemnos.kernel.errors import Invalid
from lemnos.platform.events.port import Event

RECHECK = 15.0  # seconds after which a reader must still be admitted
KEEPALIVE = b": keepalive\n\n"
_SPACES = bytes.maketrans(b"\r\n", b"  ")
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]


def frame(data: bytes, *, event: str = "", id: int | None = None) -> bytes:
    """One event; its data is one line of JSON."""
    head = f"event: {event}\n".encode() if event else b""
    if id is not None:
        head += b"id: %d\n" % id
    if b"\n" in data or b"\r" in data:  # either ends a line here, and is but space in JSON
        data = data.translate(_SPACES)
    return b"%sdata: %s\n\n" % (head, data)


def event_frame(event: Event) -> bytes:
    """An event of the log as every reader of its stream gets it."""
    kind, name, ts = encode(event.type), encode(event.name), encode(iso(event.ts))
    detail = b',"detail":%s' % event.detail if event.detail else b""
    data = b'{"type":%s,"event":%s,"data":%s,"ts":%s%s}' % (kind, name, event.data, ts, detail)
    return frame(data, id=event.seq)


def timeout_frame(seconds: int) -> bytes:
    """The last frame of a stream in which nothing has happened for so long."""
    message = f"No event for {seconds} seconds; connect again with Last-Event-ID to go on."
    return frame(encode({"message": message}), event="timeout")


def resume_after(request: Request) -> int:
    """The cursor from which a client resumes; 0 for the beginning."""
    given = request.headers.get("last-event-id") or request.query_params.get("last_event_id", "")
    if not given:
        return 0
    if not (given.isascii() and given.isdigit()) or len(given) > 18:
        problem = {"Last-Event-ID": "must be the id of an event of this stream"}
        raise Invalid("The Last-Event-ID is not valid.", fields=problem)
    return int(given)


class EventStream:
    """An ASGI answer that writes chunks until its source ends, or its reader or the server goes.

    ``is_admitted`` is asked from time to time: a reader whose key was revoked is cut off.
    """

    def __init__(
        self,
        source: AsyncIterator[bytes],
        readiness: Readiness,
        is_admitted: Callable[[], Awaitable[bool]],
    ) -> None:
        self._source = source
        self._readiness = readiness
        self._is_admitted = is_admitted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        writing = asyncio.ensure_future(self._write(send))
        watching = asyncio.ensure_future(_disconnected(receive))
        self._readiness.streams.add(writing)
        try:
            await asyncio.wait({writing, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._readiness.streams.discard(writing)
            for task in (writing, watching):
                await cancelled(task)
        # A reader that was cut off by a server going down asks again, with its Last-Event-ID.
        await send({"type": "http.response.body", "body": b""})

    async def _write(self, send: Send) -> None:
        checked = time.monotonic()
        async with contextlib.aclosing(self._source) as source:  # type: ignore[type-var]
            async for chunk in source:
                if time.monotonic() - checked >= RECHECK:
                    if not await self._is_admitted():
                        return
                    checked = time.monotonic()
                await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
