"""Locks between processes, which also hold while a git child of a dead server still works."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

_LEFTOVERS = (
    "*.lock",
    "refs/**/*.lock",
    "objects/info/*.lock",
    "objects/pack/tmp_*",
    "objects/*/tmp_obj_*",
)
_POLL = 0.05  # seconds between tries


@asynccontextmanager
async def locked(path: Path) -> AsyncGenerator[int, None]:
    """Hold an exclusive lock on the file; gives the descriptor, for children to inherit.

    A child that has inherited it keeps the lock until it ends, even if this process is killed:
    the next server waits for an orphaned fetch rather than writing beside it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _try_lock(descriptor):  # noqa: ASYNC110 - the holder may be another process
            await asyncio.sleep(_POLL)
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def clear_leftovers(git_dir: Path) -> None:
    """Remove what a killed git has left: lock files, which would block the next one, and
    half-written objects. Only while holding the directory's lock."""
    for pattern in _LEFTOVERS:
        for leftover in git_dir.glob(pattern):
            leftover.unlink(missing_ok=True)
