"""The latest events of a stream in memory, each encoded once for all its readers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from lemnos.platform.events.port import Event

Encode = Callable[[Event], bytes]  # b"" for an event that is not to be shown


LARGEST = 16 << 20  # bytes that a ring's events take up
_SLICES = 64  # places whose frames are kept for the next reader there


class Marked(bytes):
    """A frame that its readers must look at: see :attr:`Frames.marked`."""


class Frames(list[bytes]):
    """Encoded events in order; empty for a heartbeat. Readers at one place share one object."""

    @cached_property
    def joined(self) -> bytes:
        """All frames in one, for a single write."""
        return b"".join(self)

    @cached_property
    def marked(self) -> bool:
        """Whether any is :class:`Marked`; looked up once for all readers."""
        return any(isinstance(frame, Marked) for frame in self)


class Ring:
    """Events ``first … last`` of a stream, without gaps.

    At most twice ``capacity`` of them, and no more than ``LARGEST`` bytes but for the last one.
    """

    def __init__(self, head: int, capacity: int) -> None:
        self._capacity = capacity
        self._events: list[Event] = []
        self._bytes = 0
        self._encoded: dict[Encode, list[bytes]] = {}
        self._slices: dict[tuple[Encode, int], Frames] = {}
        self.last = head

    @property
    def first(self) -> int:
        """The sequence number of the oldest event held; ``last + 1`` when there is none."""
        return self.last - len(self._events) + 1

    def extend(self, events: Sequence[Event]) -> None:
        """Add the events that follow ``last``."""
        if not events:
            return
        if events[0].seq != self.last + 1:  # the stream was dropped and begun anew
            self._forget(len(self._events))
        self._events += events
        self._bytes += sum(map(_size, events))
        self.last = events[-1].seq
        self._slices.clear()
        if len(self._events) > 2 * self._capacity:
            self._forget(len(self._events) - self._capacity)
        if self._bytes > LARGEST:
            self._forget(self._count_over(LARGEST // 2))

    def holds(self, after: int) -> bool:
        """Whether everything that follows ``after`` is here."""
        return after >= self.first - 1

    def frames(self, after: int, encode: Encode) -> Frames:
        """The events that follow ``after``, which must be held, encoded."""
        found = self._slices.get((encode, after))
        if found is None:
            encoded = self._encoded.setdefault(encode, [])
            encoded += map(encode, self._events[len(encoded) :])
            start = after - self.first + 1
            found = Frames(frame for frame in encoded[start:] if frame)
            if len(self._slices) < _SLICES:
                self._slices[encode, after] = found
        return found

    def discard(self, encode: Encode) -> None:
        """Forget what was encoded by an encoder that nobody uses any more."""
        self._encoded.pop(encode, None)
        self._slices.clear()

    def _count_over(self, size: int) -> int:
        """How many of the oldest must go, so that no more than ``size`` bytes are left."""
        left = self._bytes
        for count, event in enumerate(self._events[:-1]):
            if left <= size:
                return count
            left -= _size(event)
        return len(self._events) - 1

    def _forget(self, count: int) -> None:
        self._bytes -= sum(map(_size, self._events[:count]))
        del self._events[:count]
        for encoded in self._encoded.values():
            del encoded[:count]


def _size(event: Event) -> int:
    return len(event.data) + len(event.detail)
