"""Wake-ups: who watches a stream hears that it has grown, on this node and on the others.

A wake-up carries no event and may be lost or come twice: whoever is woken reads the log from a
cursor. What is lost between nodes is made up for by a slow poll, which runs only while somebody
watches.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Protocol

log = logging.getLogger(__name__)

Woken = Callable[[], None]
POLL = 10.0  # seconds between the wake-ups that make up for lost ones


class Broadcast(Protocol):
    """Carries the names of streams that grew between nodes; see postgres_wake, redis_wake."""

    async def start(self, heard: Callable[[Sequence[str] | None], None]) -> None:
        """Call back with names from other nodes, or with None when some may have been lost."""
        ...

    async def send(self, streams: Sequence[str]) -> None:
        """Tell the other nodes. May fail: the sender goes on, the others poll."""
        ...

    async def stop(self) -> None:
        """Send and hear no more."""
        ...


class Notifier:
    """Watchers by stream. Without a ``broadcast`` this node is the only one."""

    def __init__(self, broadcast: Broadcast | None = None, *, poll: float = POLL) -> None:
        self._broadcast = broadcast
        self._poll = poll
        self._watchers: dict[str, list[Woken]] = {}
        self._everything: list[Woken] = []
        self._unsent: dict[str, None] = {}  # an ordered set
        self._sending: asyncio.Task[None] | None = None
        self._polling: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Hear other nodes."""
        if self._broadcast is not None:
            await self._broadcast.start(self._heard)

    async def stop(self) -> None:
        """Tell the other nodes what they do not know yet, then fall silent."""
        if self._polling is not None:
            self._polling.cancel()
        if self._sending is not None:
            await asyncio.gather(self._sending, return_exceptions=True)
        if self._broadcast is not None:
            await self._broadcast.stop()

    def wake(self, stream: str) -> None:
        """Say that a stream has grown. Cheap, and to be called on the event loop only."""
        self._wake_here(stream)
        if self._broadcast is not None:
            self._unsent[stream] = None
            if self._sending is None:
                self._sending = asyncio.get_running_loop().create_task(self._send())

    def watch(self, stream: str, woken: Woken) -> Callable[[], None]:
        """Call ``woken`` whenever the stream may have grown; returns what ends that."""
        watchers = self._watchers.setdefault(stream, [])
        watchers.append(woken)
        self._poll_while_watched()

        def end() -> None:
            if woken in watchers:
                watchers.remove(woken)
            if not watchers and self._watchers.get(stream) is watchers:
                del self._watchers[stream]

        return end

    def watch_all(self, woken: Woken) -> Callable[[], None]:
        """Call ``woken`` whenever any stream may have grown; returns what ends that."""
        self._everything.append(woken)
        self._poll_while_watched()

        def end() -> None:
            if woken in self._everything:
                self._everything.remove(woken)

        return end

    def subscribe(self, stream: str) -> Wakes:
        """A subscription to one stream."""
        return Wakes(lambda woken: self.watch(stream, woken))

    def subscribe_all(self) -> Wakes:
        """A subscription to all streams."""
        return Wakes(self.watch_all)

    def _wake_here(self, stream: str) -> None:
        for woken in tuple(self._watchers.get(stream, ())):
            woken()
        for woken in tuple(self._everything):
            woken()

    def _wake_everyone(self) -> None:
        for stream in tuple(self._watchers):
            for woken in tuple(self._watchers.get(stream, ())):
                woken()
        for woken in tuple(self._everything):
            woken()

    def _heard(self, streams: Sequence[str] | None) -> None:
        if streams is None:
            self._wake_everyone()
            return
        for stream in streams:
            self._wake_here(stream)

    async def _send(self) -> None:
        """Send until nothing is unsent: what comes in meanwhile goes out together."""
        try:
            while self._unsent and self._broadcast is not None:
                streams = list(self._unsent)
                self._unsent.clear()
                try:
                    await self._broadcast.send(streams)
                except Exception as error:
                    log.warning("other nodes will hear of new events late: %s", error)
        finally:
            self._sending = None

    def _poll_while_watched(self) -> None:
        if self._polling is None or self._polling.done():
            self._polling = asyncio.get_running_loop().create_task(self._keep_polling())

    async def _keep_polling(self) -> None:
        while self._watchers or self._everything:
            # At varying times, so that the nodes do not all read at once.
            await asyncio.sleep(self._poll * random.uniform(0.8, 1.2))  # noqa: S311
            self._wake_everyone()


class Wakes:
    """A :class:`~lemnos.platform.events.port.Subscription`."""

    def __init__(self, watch: Callable[[Woken], Callable[[], None]]) -> None:
        self._grown = asyncio.Event()
        self._end = watch(self._grown.set)

    async def changed(self, timeout: float) -> bool:
        """Wait until something was appended since the last call; False after ``timeout`` s.

        It may be True without an event: a wake-up is a reason to read, not a promise.
        """
        if not self._grown.is_set():
            try:
                async with asyncio.timeout(timeout):
                    await self._grown.wait()
            except TimeoutError:
                return False
        self._grown.clear()
        return True

    def close(self) -> None:
        """End the subscription."""
        self._end()
