"""One server for each SQLite file: a second one would take live work for abandoned work."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from lemnos.platform.db.errors import DatabaseUnavailable


class ProcessLock:
    """An advisory lock beside the database, which the kernel frees however its process ends."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock. Raises ``DatabaseUnavailable`` naming the process that holds it."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise DatabaseUnavailable(
                f"Another Lemnos server (process {holder}) already serves {self._path.parent}. "
                "Stop it first, give this one a data directory of its own, or use PostgreSQL.",
                code="database_locked",
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Free the lock; does nothing when it is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
