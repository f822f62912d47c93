"""SQLite as the embedded database: reads inline, writes on one thread with group commit."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from sqlalchemy import text

from lemnos.platform.db.errors import DatabaseUnavailable
from lemnos.platform.db.port import Dialect, Query, Row, Tx
from lemnos.platform.db.sqlite_lock import ProcessLock
from lemnos.platform.db.sqlite_tx import NO_PARAMS, translated
from lemnos.platform.db.sqlite_writer import Writer

T = TypeVar("T")
Synchronous = Literal["FULL", "NORMAL"]

_SCAN_THREADS = 2
_CACHED_STATEMENTS = 512
_USER_VERSION = Query(text("PRAGMA user_version"))
_PRAGMAS = """
PRAGMA busy_timeout = 10000;
PRAGMA foreign_keys = ON;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -32768;
PRAGMA mmap_size = 268435456;
"""
# 16 MB of log between checkpoints: each copies a page once, however often it was written.
_WRITER_PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA wal_autocheckpoint = 4000;
PRAGMA journal_size_limit = 67108864;
"""


class SqliteDatabase:
    """A database file. See :class:`~lemnos.platform.db.port.Database`.

    ``synchronous="FULL"`` makes each commit survive a power cut; group commit makes it cheap.
    A server opens it ``exclusive``: a second exclusive one on the same file is refused. One-off
    commands open it with ``exclusive=False`` and work beside the server.
    It belongs to the event loop on which it was started.
    """

    dialect: Dialect = "sqlite"

    def __init__(
        self, path: str | Path, *, synchronous: Synchronous = "FULL", exclusive: bool = True
    ) -> None:
        self.path = Path(path)
        self._synchronous = synchronous
        self._lock = ProcessLock(self.path) if exclusive else None
        self._reader: sqlite3.Connection | None = None
        self._writer: Writer | None = None
        self._scanners: ThreadPoolExecutor | None = None
        self._local = threading.local()
        self._scan_connections: list[sqlite3.Connection] = []

    async def start(self) -> None:
        """Open the file, made if it does not exist. Raises ``Unavailable`` when that fails."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self._lock is not None:
                self._lock.acquire()
            connection = self._connect("rwc")
            connection.executescript(f"{_WRITER_PRAGMAS} PRAGMA synchronous = {self._synchronous};")
            self._reader = self._connect("ro")
        except (OSError, sqlite3.Error) as error:
            self._release()
            raise DatabaseUnavailable(f"Cannot open {self.path}: {error}.") from error
        self._writer = Writer(connection, asyncio.get_running_loop())
        self._writer.start()
        self._scanners = ThreadPoolExecutor(_SCAN_THREADS, "sqlite-scan")

    async def stop(self) -> None:
        """Commit what was accepted, close all connections and give up the lock."""
        if self._scanners is not None:
            await asyncio.to_thread(self._scanners.shutdown)
            while self._scan_connections:
                self._scan_connections.pop().close()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._writer is not None:  # last, so that it checkpoints and removes the log
            await self._writer.stop()
        self._release()

    async def one(self, query: Query, params: Mapping[str, Any] | None = None) -> Row | None:
        """The first row or None, read inline."""
        compiled = query.compiled("sqlite")
        try:
            return (
                self._open().execute(compiled.sql, compiled.values(params or NO_PARAMS)).fetchone()
            )
        except sqlite3.Error as error:
            raise translated(error) from error

    async def all(self, query: Query, params: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows, read inline."""
        compiled = query.compiled("sqlite")
        try:
            return (
                self._open().execute(compiled.sql, compiled.values(params or NO_PARAMS)).fetchall()
            )
        except sqlite3.Error as error:
            raise translated(error) from error

    async def scan(self, query: Query, params: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows, read in a thread."""
        if self._scanners is None:
            raise DatabaseUnavailable("The database is closed.")
        compiled = query.compiled("sqlite")
        values = compiled.values(params or NO_PARAMS)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._scanners, self._scan, compiled.sql, values)

    async def write(self, body: Callable[[Tx], Awaitable[T]], *, retry_safe: bool = False) -> T:
        """Run the body on the writer's thread; returns its result once that is durable.

        A caller that is cancelled while it waits does not take its transaction back.
        """
        if self._writer is None:
            raise DatabaseUnavailable("The database is closed.")
        return cast(T, await self._writer.submit(body))

    async def ping(self) -> None:
        """Raise ``Unavailable`` unless a transaction can be written.

        While all is well an empty transaction tells; after a failed commit (a full disk) only
        one that really writes does.
        """
        failed = self._writer is not None and self._writer.failed
        await self.write(_rewrite_header if failed else _nothing)

    def _connect(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,  # transactions are begun and ended in the open
            check_same_thread=False,  # opened here, used by one thread each
            cached_statements=_CACHED_STATEMENTS,
        )
        connection.row_factory = sqlite3.Row
        connection.executescript(_PRAGMAS)
        return connection

    def _open(self) -> sqlite3.Connection:
        if self._reader is None:
            raise DatabaseUnavailable("The database is closed.")
        return self._reader

    def _scan(self, sql: str, values: list[Any]) -> list[Row]:
        try:
            connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = self._connect("ro")
                self._scan_connections.append(connection)
            return connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise translated(error) from error

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()


async def _nothing(tx: Tx) -> None:
    """A transaction that does nothing but take its turn."""


async def _rewrite_header(tx: Tx) -> None:
    """Write the first page without changing what it says."""
    (version,) = await tx.one(_USER_VERSION) or (0,)
    await tx.run(Query(text(f"PRAGMA user_version = {int(version)}")))
