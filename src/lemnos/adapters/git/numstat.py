"""What ``git log --numstat -z`` says, commit by commit, as it comes.

With the format below it is, for each commit, a head ``\\x01 time TAB email TAB name NUL``, then
for each file ``added TAB removed TAB path NUL``, or of one that was renamed ``added TAB removed
TAB NUL old path NUL new path NUL``. Before the first file stands a line feed. Both numbers are
``-`` for binary files. A path may hold anything but NUL.
"""

from __future__ import annotations

from lemnos.domains.analytics.ports import Author, FileChange, OnCommit
from lemnos.kernel.clock import SECOND

FORMAT = "--format=%x01%ct%x09%aE%x09%aN"
_HEAD = b"\x01"
_LATEST = 253_402_300_799  # seconds: the end of the year 9999; a commit may claim any time


class NumstatParser:
    """Takes the output in pieces, and hands over each commit once it is complete."""

    def __init__(self, take: OnCommit) -> None:
        self._take = take
        self._rest = b""
        self._author = Author("", "")
        self._at = 0
        self._files: list[FileChange] = []
        self._begun = False
        self._counts: tuple[int, int] | None = None  # of a file whose names are still to come
        self._old_path: str | None = None

    def feed(self, chunk: bytes) -> None:
        """The next piece."""
        *fields, self._rest = (self._rest + chunk).split(b"\0")
        for field in fields:
            self._field(field)

    def end(self) -> None:
        """There is no more: the last commit is complete."""
        if self._begun:
            self._take(self._author, self._at, self._files)
        self._begun = False

    def _field(self, field: bytes) -> None:
        if self._counts is not None:
            self._name(field)
        elif field.startswith(_HEAD):
            self._head(field[1:])
        else:
            self._file(field)

    def _head(self, head: bytes) -> None:
        self.end()
        time, _, author = head.partition(b"\t")
        email, _, name = author.decode(errors="replace").partition("\t")
        self._author = Author(email, name or email)
        self._at = min(int(time), _LATEST) * SECOND if time.isdigit() else 0
        self._files = []
        self._begun = True

    def _file(self, field: bytes) -> None:
        parts = field.split(b"\t", 2)
        if len(parts) != 3:
            return
        added, removed, path = parts  # int() does not mind the line feed before the first
        counts = (0, 0) if removed == b"-" else (int(added), int(removed))
        if path:
            self._files.append(FileChange(path.decode(errors="replace"), *counts))
        else:
            self._counts = counts

    def _name(self, field: bytes) -> None:
        assert self._counts is not None
        path = field.decode(errors="replace")
        if self._old_path is None:
            self._old_path = path
            return
        self._files.append(FileChange(path, *self._counts, self._old_path))
        self._counts = self._old_path = None
