"""Waiting for a task: by its stream of events, which costs one request, else by looking.

A wait that has a time limit leaves the stream when less than a keep-alive's time is left, as it
could not look at its clock in time, and looks with growing pauses instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lemnos_sdk._call import Call
from lemnos_sdk._errors import LemnosError, WaitTimeoutError
from lemnos_sdk._events import EventStream
from lemnos_sdk._transport import Async, Sync

T = TypeVar("T")
R = TypeVar("R")
KEEPALIVE = 15.0  # seconds between a stream's signs of life
_LONGEST_PAUSE = 10.0


class _Patience:
    """How long a wait may go on, and when it looks next."""

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._deadline = float("inf") if timeout is None else time.monotonic() + timeout
        self._looks = 0

    @property
    def left(self) -> float:
        """Seconds."""
        return self._deadline - time.monotonic()

    @property
    def may_follow(self) -> bool:
        """Whether there is time to wait for a stream's next sign of life."""
        return self.left > KEEPALIVE

    def pause(self) -> float:
        """Seconds until the next look. Raises WaitTimeoutError when none are left."""
        if self.left <= 0:
            raise WaitTimeoutError(f"The task is still at work after {self._timeout} seconds.")
        self._looks += 1
        return min(0.5 * 2.0 ** min(self._looks, 10), _LONGEST_PAUSE, self.left)


@dataclass(frozen=True, slots=True)
class Wait(Generic[T, R]):
    """What is waited for.

    ``look`` asks for its state; when that ``rests``, ``conclude`` makes the result of it or
    raises, given the answer to ``explain`` if there is something to ask. ``stream`` is the path
    of its events, empty where it has none.
    """

    look: Call[T]
    rests: Callable[[T], bool]
    conclude: Callable[[T, Any], R]
    explain: Callable[[T], Call[Any] | None] = lambda _: None
    stream: str = ""


def wait(io: Sync | Async, what: Wait[T, R], timeout: float | None) -> Any:
    """The result, or on an asynchronous transport a coroutine of it. Raises WaitTimeoutError."""
    patience = _Patience(timeout)
    return _wait(io, what, patience) if isinstance(io, Sync) else _await(io, what, patience)


def _wait(io: Sync, what: Wait[T, R], patience: _Patience) -> R:
    if what.stream and patience.may_follow:
        # A look says whether a failure is the stream's alone.
        with suppress(LemnosError):
            events = EventStream(io, what.stream, silence=patience.left)
            with closing(events.ticks()) as ticks:
                for _ in ticks:
                    if not patience.may_follow:
                        break
    while not what.rests(found := io.run(what.look)):
        io.sleep(patience.pause())
    explanation = None
    if (call := what.explain(found)) is not None:
        with suppress(LemnosError):
            explanation = io.run(call)
    return what.conclude(found, explanation)


async def _await(io: Async, what: Wait[T, R], patience: _Patience) -> R:
    if what.stream and patience.may_follow:
        with suppress(LemnosError):
            events = EventStream(io, what.stream, silence=patience.left)
            async with aclosing(events.aticks()) as ticks:
                async for _ in ticks:
                    if not patience.may_follow:
                        break
    while not what.rests(found := await io.run(what.look)):
        await io.sleep(patience.pause())
    explanation = None
    if (call := what.explain(found)) is not None:
        with suppress(LemnosError):
            explanation = await io.run(call)
    return what.conclude(found, explanation)
