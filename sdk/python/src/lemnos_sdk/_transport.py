"""The transport: one client of HTTP, in a blocking and an asynchronous form.

Everything that decides is elsewhere and pure (:mod:`_call`, :mod:`_retry`, :mod:`_errors`); what
is here twice is only what waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from typing import Any, TypeVar

import httpx2
import msgspec

from lemnos_sdk._call import Call
from lemnos_sdk._errors import ResponseError, connection_error, error_of, is_content
from lemnos_sdk._retry import Retries
from lemnos_sdk._settings import Settings
from lemnos_sdk._sse import Decoder, Frame

T = TypeVar("T")
CONNECT_TIMEOUT = 10.0  # seconds
SILENCE = 45.0  # seconds after which a stream is dead: the server sends keep-alives every 15


class _Transport:
    """What both forms share."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def retries(self, *, stream: bool) -> Retries:
        """The patience for one request; whoever reads a stream has their own."""
        at_most = 0 if stream else self.settings.max_retries
        return Retries(at_most, self.settings.max_retry_after)

    def _request(
        self, http: httpx2.Client | httpx2.AsyncClient, call: Call[Any], headers: Mapping[str, str]
    ) -> httpx2.Request:
        return http.build_request(
            call.method,
            self.settings.base_url + call.path,
            params=call.query or None,
            content=None if call.body is None else msgspec.json.encode(call.body),
            headers={
                **self.settings.headers,
                **({} if call.body is None else {"Content-Type": "application/json"}),
                **call.headers,
                **headers,
            },
            timeout=_patience(call.timeout or self.settings.timeout),
        )


class Sync(_Transport):
    """Blocks until the answer is there."""

    def __init__(self, settings: Settings, http: httpx2.Client | None = None) -> None:
        super().__init__(settings)
        self._http = http or httpx2.Client()
        self._is_ours = http is None

    def run(self, call: Call[T]) -> T:
        """Make a call, again if need be, and read its answer."""
        response = self._sent(call)
        return _read(call, response)

    @contextmanager
    def stream(self, call: Call[Any], last_id: str) -> Iterator[Iterator[Frame | None]]:
        """The frames of an event stream after the given one; None for each keep-alive."""
        response = self._sent(call, _stream_headers(last_id), stream=True)
        with closing(response):
            yield _frames(response)

    def sleep(self, seconds: float) -> None:
        """Pause."""
        time.sleep(seconds)

    def close(self) -> None:
        """Close the connections, unless the client was given."""
        if self._is_ours:
            self._http.close()

    def _sent(
        self, call: Call[Any], headers: Mapping[str, str] | None = None, *, stream: bool = False
    ) -> httpx2.Response:
        retries = self.retries(stream=stream)
        while True:
            request = self._request(self._http, call, headers or {})
            try:
                response = self._http.send(request, stream=stream)
                if response.is_success:
                    return response
                response.read()
                if is_content(response, call.also):
                    return response
                pause = retries.pause(error_of(response))
            except httpx2.TransportError as error:
                pause = retries.pause(connection_error(error))
            self.sleep(pause)


class Async(_Transport):
    """Awaits the answer."""

    def __init__(self, settings: Settings, http: httpx2.AsyncClient | None = None) -> None:
        super().__init__(settings)
        self._http = http or httpx2.AsyncClient()
        self._is_ours = http is None

    async def run(self, call: Call[T]) -> T:
        """Make a call, again if need be, and read its answer."""
        response = await self._sent(call)
        return _read(call, response)

    @asynccontextmanager
    async def stream(
        self, call: Call[Any], last_id: str
    ) -> AsyncIterator[AsyncIterator[Frame | None]]:
        """The frames of an event stream after the given one; None for each keep-alive."""
        response = await self._sent(call, _stream_headers(last_id), stream=True)
        try:
            async with aclosing(_aframes(response)) as frames:
                yield frames
        finally:
            await response.aclose()

    async def sleep(self, seconds: float) -> None:
        """Pause."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close the connections, unless the client was given."""
        if self._is_ours:
            await self._http.aclose()

    async def _sent(
        self, call: Call[Any], headers: Mapping[str, str] | None = None, *, stream: bool = False
    ) -> httpx2.Response:
        retries = self.retries(stream=stream)
        while True:
            request = self._request(self._http, call, headers or {})
            try:
                response = await self._http.send(request, stream=stream)
                if response.is_success:
                    return response
                await response.aread()
                if is_content(response, call.also):
                    return response
                pause = retries.pause(error_of(response))
            except httpx2.TransportError as error:
                pause = retries.pause(connection_error(error))
            await self.sleep(pause)


def _patience(seconds: float) -> httpx2.Timeout:
    return httpx2.Timeout(seconds, connect=min(seconds, CONNECT_TIMEOUT))


def _stream_headers(last_id: str) -> dict[str, str]:
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    return headers | ({"Last-Event-ID": last_id} if last_id else {})


def _frames(response: httpx2.Response) -> Iterator[Frame | None]:
    decoder = Decoder()
    for chunk in response.iter_bytes():
        yield from decoder.feed(chunk)


async def _aframes(response: httpx2.Response) -> AsyncGenerator[Frame | None, None]:
    decoder = Decoder()
    async for chunk in response.aiter_bytes():
        for frame in decoder.feed(chunk):
            yield frame


def _read(call: Call[T], response: httpx2.Response) -> T:
    try:
        content = msgspec.json.decode(response.content) if response.content else None
        return call.read(content)
    except (msgspec.MsgspecError, KeyError, TypeError) as error:
        raise ResponseError(
            f"{call.method} {response.url} answered {response.status_code} with something else "
            f"than this API promises: {error}"
        ) from error
