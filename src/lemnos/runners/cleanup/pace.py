"""How far a sweep is, told now and then; and the wish that it ends."""

from __future__ import annotations

import time
from collections.abc import Sequence

from lemnos.domains.cleanup.ports import OnProgress
from lemnos.runners.cleanup.folder import Folder

_EVERY = 0.1  # seconds between two reports
_FILES = 256  # after so many files the clock is looked at


class Stopped(Exception):
    """Somebody wanted the sweep to end."""


class Pace:
    """Counts files and reports them. :meth:`stop` may be called from any thread."""

    def __init__(self, on_progress: OnProgress | None = None) -> None:
        self._on_progress = on_progress
        self._next = time.monotonic() + _EVERY
        self._share = 0.0
        self._files = 0
        self._stopped = False

    def stop(self) -> None:
        """Make the next step of the sweep raise :class:`Stopped`."""
        self._stopped = True

    def check(self) -> None:
        """Raise :class:`Stopped` if the sweep is to end."""
        if self._stopped:
            raise Stopped

    def count(self) -> None:
        """A file has gone."""
        self._files += 1
        if self._files % _FILES == 0:
            self._report()

    def step(self, stack: Sequence[Folder]) -> None:
        """The sweep is at the last folder of ``stack``."""
        self.check()
        if self._on_progress is not None and time.monotonic() >= self._next:
            self._share = max(self._share, _share(stack))
            self._report()

    def _report(self) -> None:
        if self._on_progress is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            self._on_progress(self._share, self._files)


def _share(stack: Sequence[Folder]) -> float:
    """Which share of all folders is done, were those of the same parent all of one size."""
    share, weight = 0.0, 1.0
    for folder, below in zip(stack, (*stack[1:], None), strict=True):
        waiting = len(folder.inner) + (below is not None)
        share += weight * (folder.total - waiting) / max(1, folder.total)
        weight /= max(1, folder.total)
    return share
