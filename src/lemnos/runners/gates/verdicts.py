"""Verdicts that are kept: a tool that said something of the same inputs says it again."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from lemnos.runners.gates.files import write_whole
from lemnos.runners.gates.plugin import Said

_log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024 * 1024
_ENTRY_MOST = 16 * 1024 * 1024
_PRUNE_EVERY = 64  # writes of one process


@dataclass(frozen=True, slots=True)
class Heard:
    """What one checker said, and how it came to that. ``seconds`` it took when it really ran."""

    said: Said
    tool: str = ""
    version: str = ""
    command: tuple[str, ...] = ()
    output: str = ""
    seconds: float = 0.0
    cached: bool = False


class Verdicts:
    """A folder of verdicts by key, safe for several processes; the oldest go when it is full."""

    def __init__(self, folder: Path, most: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most = most
        self._writes = 0

    def get(self, key: str, max_age: float | None = None) -> Heard | None:
        """The verdict under a key, unless it is older than ``max_age`` seconds. Blocks."""
        path = self._path(key)
        try:
            heard = msgspec.msgpack.decode(path.read_bytes(), type=Heard)
            age = time.time() - path.stat().st_mtime
        except (OSError, msgspec.DecodeError):
            return None
        if max_age is None:
            with contextlib.suppress(OSError):
                os.utime(path)  # it was of use: others go before it
        elif not 0 <= age <= max_age:
            return None
        return replace(heard, cached=True)

    def put(self, key: str, heard: Heard) -> None:
        """Keep a verdict. Blocks. What can't be written is not kept."""
        try:
            content = msgspec.msgpack.encode(heard)
        except (TypeError, ValueError, OverflowError):
            _log.warning("A verdict of %s can't be written down.", heard.tool)
            return
        if len(content) > _ENTRY_MOST:
            return
        with contextlib.suppress(OSError):
            write_whole(self._path(key), content)
        if self._writes % _PRUNE_EVERY == 0:
            self._prune()
        self._writes += 1

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key

    def _prune(self) -> None:
        """Remove the verdicts that were of use longest ago, until a tenth of the room is free."""
        found = list[tuple[float, int, Path]]()
        for path in self._folder.glob("*/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in found)
        if total <= self._most:
            return
        for _, size, path in sorted(found):
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size
            if total <= self._most * 0.9:
                return
