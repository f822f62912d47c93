"""HTTP/1.1 on one connection of the gateway, by h11: requests in, streamed answers out.

An ASGI server would not do: CONNECT needs the connection itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import h11

BODIES_LIMIT = 64 * 1024 * 1024  # bytes of all request bodies of a run at a time
CHUNK = 64 * 1024
_HEADERS_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(slots=True)
class Response:
    """An answer; ``close`` is awaited when it was sent, or can't be sent any further."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: AsyncIterator[bytes] | bytes = b""
    close: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Tunnel:
    """The answer to CONNECT: bytes go to and fro from here on."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Room:
    """What the requests of one run may hold in the server's memory at a time, in bytes."""

    def __init__(self, size: int = BODIES_LIMIT) -> None:
        self._left = size

    def take(self, size: int) -> None:
        """Raises h11.RemoteProtocolError when there is not so much left."""
        if size > self._left:
            raise h11.RemoteProtocolError("the bodies are too large", error_status_hint=413)
        self._left -= size

    def give(self, size: int) -> None:
        """What was taken is free again."""
        self._left += size


Handler = Callable[[Request], Awaitable[Response | Tunnel]]


def error_response(status: int, code: str, message: str) -> Response:
    """An error in a shape that Anthropic's and OpenAI's clients both read."""
    body = {
        "type": "error",
        "error": {"type": code, "code": code, "message": message},
    }
    return Response(status, [("content-type", "application/json")], json.dumps(body).encode())


class Connection:
    """Serves the requests of one connection, one after another."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        handler: Handler,
        room: Room,
    ) -> None:
        self._room = room
        self._taken = 0
        self._reader = reader
        self._writer = writer
        self._handler = handler
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEADERS_LIMIT)

    async def serve(self) -> None:
        """Serve until either side closes the connection."""
        try:
            while (request := await self._request()) is not None:
                if not await self._answer(request):
                    return
                self._give_room()
                self._http.start_next_cycle()
        except (OSError, h11.ProtocolError):
            return  # the client is gone, or speaks something else
        finally:
            self._give_room()
            self._writer.close()

    def _give_room(self) -> None:
        self._room.give(self._taken)
        self._taken = 0

    async def _request(self) -> Request | None:
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    await self._send(h11.InformationalResponse(status_code=100, headers=[]))
                self._http.receive_data(await self._reader.read(CHUNK))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                self._room.take(len(event.data))
                self._taken += len(event.data)
                body += event.data
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
                return Request(head.method.decode(), head.target.decode(), headers, bytes(body))
            else:
                return None  # the client has closed the connection

    async def _answer(self, request: Request) -> bool:
        """Answer one request; True when the connection can take another one."""
        if request.method == "CONNECT":  # the tunnel reads the connection itself
            await self._handle(request)
            return False
        handling = asyncio.ensure_future(self._handle(request))
        leaving = asyncio.ensure_future(self._left())
        try:
            # A client that hangs up must end the model call at once, as that costs money.
            await asyncio.wait({handling, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not handling.done():
                return False
            return await handling
        finally:
            for task in (handling, leaving):
                task.cancel()
            await asyncio.gather(handling, leaving, return_exceptions=True)

    async def _left(self) -> None:
        """Returns when the client hangs up, or sends more than an early next request."""
        early = 0
        while data := await self._reader.read(CHUNK):
            self._http.receive_data(data)
            early += len(data)
            if early > _HEADERS_LIMIT:
                return

    async def _handle(self, request: Request) -> bool:
        answer = await self._handler(request)
        if isinstance(answer, Tunnel):
            await self._relay(answer)
            return False
        try:
            await self._respond(answer)
        finally:
            if answer.close is not None:
                await answer.close()
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _respond(self, answer: Response) -> None:
        headers = list(answer.headers)
        if isinstance(answer.body, bytes):
            headers.append(("content-length", str(len(answer.body))))
        await self._send(h11.Response(status_code=answer.status, headers=headers))
        if isinstance(answer.body, bytes):
            await self._send(h11.Data(data=answer.body))
        else:
            async for chunk in answer.body:
                await self._send(h11.Data(data=chunk))
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def _relay(self, tunnel: Tunnel) -> None:
        await self._send(h11.Response(status_code=200, headers=[]))
        early, _ = self._http.trailing_data
        tunnel.writer.write(early)
        try:
            await asyncio.gather(
                _copy(self._reader, tunnel.writer), _copy(tunnel.reader, self._writer)
            )
        finally:
            tunnel.writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
