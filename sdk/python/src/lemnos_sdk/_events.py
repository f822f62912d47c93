"""The events of a task as they happen, without a gap over cut connections."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping
from contextlib import aclosing, closing
from dataclasses import field
from typing import TYPE_CHECKING, Any, Generic

import httpx2
import msgspec

from lemnos_sdk._call import IO, Call
from lemnos_sdk._errors import (
    APIConnectionError,
    LemnosError,
    ResponseError,
    connection_error,
)
from lemnos_sdk._model import model, nothing
from lemnos_sdk._retry import Retries
from lemnos_sdk._sse import Frame
from lemnos_sdk._transport import SILENCE

if TYPE_CHECKING:
    from lemnos_sdk._settings import Settings
    from lemnos_sdk._transport import Async, Sync

_EARLY = "The stream of events ended before the task did."
RECONNECTS = 8  # in a row without an event, about 40 seconds


@model
class TaskEvent:
    """Something that happened to a task.

    ``type`` is ``system``, ``git``, ``cli``, ``stream`` or ``result``; for the first and the last
    of a stream ``connected`` and ``done``. ``event`` is its name, ``id`` what a stream resumes
    after. ``detail`` is the same in normal form where ``data`` is an agent's own words.
    """

    id: str = ""
    type: str = ""
    event: str = ""
    data: Any = None
    ts: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


class _Reader:
    """What an event stream knows: how far it is, and how patient."""

    def __init__(self, settings: Settings, after: str) -> None:
        at_most = RECONNECTS if settings.max_retries else 0
        self._retries = Retries(at_most, settings.max_retry_after)
        self._is_connected = False
        self.last_id = after
        self.is_finished = False

    def take(self, frame: Frame | None) -> Iterator[TaskEvent | None]:
        """The event that a frame tells; None for one that only shows that the server lives."""
        if frame is None:
            yield None
            return
        self._retries.reset()
        self.last_id = frame.id or self.last_id
        content = _content(frame)
        if not frame.name:
            yield msgspec.convert({**content, "id": frame.id}, TaskEvent)
        elif frame.name == "done" or (frame.name == "connected" and not self._is_connected):
            yield TaskEvent(type=frame.name, event=frame.name, data=content)
        self._is_connected = True
        self.is_finished = frame.name == "done"

    def lost(self, error: LemnosError) -> float:
        """The pause before the stream is taken up again; raises the error when it is not to be."""
        return self._retries.pause(error)


def _content(frame: Frame) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(frame.data, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ResponseError(f"An event of the stream is no JSON object: {error}") from error


class EventStream(Generic[IO]):
    """Iterate over it, once, to follow a task up to its end.

    Where the connection is cut, the stream goes on after the last event that came.
    """

    def __init__(self, io: IO, path: str, after: str = "", silence: float = SILENCE) -> None:
        self._io = io
        self._call = Call("GET", path, nothing, timeout=min(silence, SILENCE))
        self._reader = _Reader(io.settings, after)

    @property
    def last_id(self) -> str:
        """The id of the last event that came: give it as ``after`` to go on from there."""
        return self._reader.last_id

    def __iter__(self: EventStream[Sync]) -> Iterator[TaskEvent]:
        with closing(self.ticks()) as ticks:
            yield from filter(None, ticks)

    async def __aiter__(self: EventStream[Async]) -> AsyncIterator[TaskEvent]:
        async with aclosing(self.aticks()) as ticks:
            async for event in ticks:
                if event is not None:
                    yield event

    def ticks(self: EventStream[Sync]) -> Generator[TaskEvent | None, None, None]:
        """Events, and None at each sign of life between them and after each lost connection."""
        while not self._reader.is_finished:
            try:
                with self._io.stream(self._call, self._reader.last_id) as frames:
                    for frame in frames:
                        yield from self._reader.take(frame)
                error: LemnosError = APIConnectionError(_EARLY)
            except httpx2.TransportError as broken:
                error = connection_error(broken)
            except LemnosError as refused:
                error = refused
            if not self._reader.is_finished:
                pause = self._reader.lost(error)
                yield None
                self._io.sleep(pause)

    async def aticks(self: EventStream[Async]) -> AsyncGenerator[TaskEvent | None, None]:
        """Events, and None at each sign of life between them and after each lost connection."""
        while not self._reader.is_finished:
            try:
                async with self._io.stream(self._call, self._reader.last_id) as frames:
                    async for frame in frames:
                        for event in self._reader.take(frame):
                            yield event
                error: LemnosError = APIConnectionError(_EARLY)
            except httpx2.TransportError as broken:
                error = connection_error(broken)
            except LemnosError as refused:
                error = refused
            if not self._reader.is_finished:
                pause = self._reader.lost(error)
                yield None
                await self._io.sleep(pause)
