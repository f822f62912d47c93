"""Folders that are open while they are cleaned."""

from __future__ import annotations

import os
from typing import NamedTuple

from lemnos.domains.cleanup.model import Category
from lemnos.runners.cleanup.root import FOLDER, identity
from lemnos.runners.cleanup.tracked import Tracked

_CLOSED = -1


class Inner(NamedTuple):
    """A folder that is to be entered. Without a category it is searched, not removed."""

    name: str
    category: Category | None


class Gone(NamedTuple):
    """What was removed from a folder: a file, or a folder with all in it."""

    name: str
    files: int
    size: int


class Folder:
    """A folder on the way from the root to the place where a sweep is.

    With a category it is rubbish, and goes unless something in it has to be ``kept``. ``refusal``
    is the error number with which nothing can be removed from it, 0 for none, None for unknown.
    """

    __slots__ = (
        *("category", "fd", "found", "gone", "holds_tracked", "inner", "kept", "listings"),
        *("name", "refusal", "total", "tracked"),
    )

    def __init__(
        self, fd: int, name: str, category: Category | None, tracked: Tracked | None
    ) -> None:
        self.fd = fd
        self.name = name
        self.category = category
        self.tracked = tracked
        self.found = os.fstat(fd)
        self.inner: list[Inner] = []  # the folders in it that are still to be entered
        self.total = 0  # how many of these there were
        self.gone: list[Gone] = []
        self.kept = False
        self.holds_tracked = False  # here or further down
        self.listings = 0
        self.refusal: int | None = None

    def enter(self, inner: Inner) -> Folder:
        """Open a folder in this one, never through a link. Raises ``OSError``."""
        fd = os.open(inner.name, FOLDER, dir_fd=self.fd)
        tracked = self.tracked.get(inner.name) if self.tracked is not None else None
        try:
            return Folder(fd, inner.name, inner.category, tracked)
        except BaseException:
            os.close(fd)
            raise

    def names(self) -> list[os.DirEntry[str]]:
        """What is in it now, by name. Each entry can be asked for its ``stat`` while it is open."""
        self.listings += 1
        with os.scandir(self.fd) as entries:
            return sorted(entries, key=_name)

    def close(self) -> None:
        """Let go of the descriptor: there are fewer of them than folders below each other."""
        if self.is_open:
            os.close(self.fd)
            self.fd = _CLOSED

    @property
    def is_open(self) -> bool:
        """Whether it has a descriptor."""
        return self.fd != _CLOSED

    def reopen(self, inner: Folder) -> bool:
        """Open it again from a folder in it; False when that was moved elsewhere meanwhile."""
        try:
            fd = os.open("..", FOLDER, dir_fd=inner.fd)
        except OSError:
            return False
        if identity(os.fstat(fd)) != identity(self.found):
            os.close(fd)
            return False
        self.fd = fd
        return True


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name
