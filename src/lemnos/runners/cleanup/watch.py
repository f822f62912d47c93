"""What git tracks around and below a root, kept true while somebody else is at work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lemnos.runners.cleanup.folder import Folder
from lemnos.runners.cleanup.index import Index, Signature
from lemnos.runners.cleanup.tracked import Tracked


class Watch:
    """``tracked`` is what is tracked below ``root`` by any of the repositories around it.

    All of them count, not the nearest only: one that was made inside of another does not make
    the other forget its files. Raises ``Unprocessable`` when an index cannot be read.
    """

    def __init__(self, root: Path, repositories: Sequence[Path]) -> None:
        self._root = root
        self._indexes = [(folder, Index(folder)) for folder in repositories]
        self._seen = self._signatures()
        self.tracked = self._read()

    def refresh(self, stack: Sequence[Folder]) -> None:
        """Read again what has changed, and tell the folders that are being cleaned."""
        if not self._indexes:
            return
        now = self._signatures()
        if now == self._seen:
            return
        self._seen = now
        node = self.tracked = self._read()
        for position, folder in enumerate(stack):
            if position and node is not None:
                node = node.get(folder.name)
            folder.tracked = node

    def _signatures(self) -> list[Signature]:
        """Taken before reading: what changes during it will be read again."""
        return [index.signature() for _, index in self._indexes]

    def _read(self) -> Tracked | None:
        everything = Tracked()
        for folder, index in self._indexes:
            index.read(into=everything.grow(folder.parts[1:]))
        return everything.below(self._root.parts[1:])
