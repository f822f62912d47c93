"""What the requests of the last minute came to, a slot for each second."""

from __future__ import annotations

import time
from dataclasses import dataclass

SECONDS = 60


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests of the last minute. ``error_rate`` is the share that the server failed (5xx)."""

    requests: int
    requests_per_second: float
    avg_response_ms: float | None  # None when there was no request
    error_rate: float | None


class _Slot:
    __slots__ = ("count", "errors", "seconds", "when")

    def __init__(self) -> None:
        self.start(-1)

    def start(self, when: int) -> None:
        self.when, self.count, self.errors, self.seconds = when, 0, 0, 0.0


class Window:
    """Counts answers by second and forgets those over a minute old. For one thread."""

    def __init__(self) -> None:
        self._slots = tuple(_Slot() for _ in range(SECONDS))
        self._began = time.monotonic()

    def note(self, status: int, seconds: float) -> None:
        """Count an answer that has just begun, so many seconds after its request."""
        now = int(time.monotonic())
        slot = self._slots[now % SECONDS]
        if slot.when != now:
            slot.start(now)
        slot.count += 1
        slot.errors += status >= 500
        slot.seconds += seconds

    def read(self) -> Traffic:
        """The last minute, or the time since the start where that is less."""
        now = time.monotonic()
        kept = [slot for slot in self._slots if slot.when > now - SECONDS]
        count = sum(slot.count for slot in kept)
        lasted = max(min(now - self._began, SECONDS), 1.0)
        if not count:
            return Traffic(0, 0.0, None, None)
        seconds = sum(slot.seconds for slot in kept)
        errors = sum(slot.errors for slot in kept)
        return Traffic(count, count / lasted, seconds / count * 1000, errors / count)
