"""The names that git tracks, as a tree beside that of the folders."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from lemnos.domains.cleanup.model import Reason


class Tracked:
    """A folder with something tracked below it, or with ``itself`` set a tracked name.

    Names are compared as file systems of macOS and Windows do, without regard to case and to how
    accents are composed. Where these do matter, that keeps too much now and then, never too little.
    """

    __slots__ = ("_below", "itself")

    def __init__(self) -> None:
        self._below: dict[str, Tracked] = {}
        self.itself: Reason | None = None  # why it stays: a file, or a repository of its own

    def add(self, path: str, reason: Reason) -> None:
        """Add a path, with slashes."""
        self.grow(path.split("/")).itself = reason

    def grow(self, names: Iterable[str]) -> Tracked:
        """The node some folders further down, made if need be."""
        node = self
        for name in map(_folded, names):
            below = node._below.get(name)
            if below is None:
                below = node._below[name] = Tracked()
            node = below
        return node

    def get(self, name: str) -> Tracked | None:
        """What is known of this name in this folder."""
        return self._below.get(_folded(name)) if self._below else None

    def below(self, names: Iterable[str]) -> Tracked | None:
        """What is known some folders further down."""
        node: Tracked | None = self
        for name in names:
            node = node.get(name) if node is not None else None
        return node


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
