"""Statements on one SQLite connection, and how SQLite's errors are told to callers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, NoReturn

from lemnos.kernel.errors import LemnosError
from lemnos.platform.db.errors import DatabaseUnavailable, IntegrityViolation, UniqueViolation
from lemnos.platform.db.port import Compiled, Dialect, Query, Row

NO_PARAMS: Mapping[str, Any] = {}
_TOGETHER = 50  # rows to one statement
_UNIQUE = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
}


def translated(error: sqlite3.Error) -> LemnosError | sqlite3.Error:
    """The error in the words of this system; a defect in the SQL itself stays as it is."""
    if isinstance(error, sqlite3.IntegrityError):
        unique = error.sqlite_errorcode in _UNIQUE
        return (UniqueViolation if unique else IntegrityViolation)(str(error))
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if isinstance(error, sqlite3.DatabaseError) and code != sqlite3.SQLITE_ERROR:
        return DatabaseUnavailable(f"The database cannot be used: {error}.", retry_after=1.0)
    return error


class SqliteTx:
    """The transaction of one body. Its methods never suspend: they run where they are awaited.

    After an error the transaction is over, as it is on PostgreSQL: a body may catch the error
    to clean up, but what it does to the database then fails with the same error.
    """

    __slots__ = ("_connection", "_deferred", "callbacks", "failure")

    dialect: Dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._deferred: list[tuple[Query, Mapping[str, Any]]] = []
        self.callbacks: list[Callable[[], None]] = []
        self.failure: BaseException | None = None

    async def one(self, query: Query, params: Mapping[str, Any] | None = None) -> Row | None:
        """See :class:`~lemnos.platform.db.port.Tx`."""
        return self._execute(query, params).fetchone()

    async def all(self, query: Query, params: Mapping[str, Any] | None = None) -> list[Row]:
        """See :class:`~lemnos.platform.db.port.Tx`."""
        return self._execute(query, params).fetchall()

    async def run(self, query: Query, params: Mapping[str, Any] | None = None) -> int:
        """See :class:`~lemnos.platform.db.port.Tx`."""
        return self._execute(query, params).rowcount

    async def many(self, query: Query, rows: Sequence[Mapping[str, Any]]) -> None:
        """See :class:`~lemnos.platform.db.port.Tx`."""
        compiled = query.compiled("sqlite")
        if self.failure is not None:
            raise self.failure
        values = [compiled.values(row) for row in rows]
        try:
            left = self._insert_together(compiled, values)
            self._connection.executemany(compiled.sql, left)
        except sqlite3.Error as error:
            self._fail(error)

    async def batch(self, statements: Sequence[tuple[Query, Mapping[str, Any]]]) -> None:
        """See :class:`~lemnos.platform.db.port.Tx`."""
        for query, params in statements:
            self._execute(query, params)

    def defer(self, query: Query, params: Mapping[str, Any]) -> None:
        """See :class:`~lemnos.platform.db.port.Tx`."""
        self._deferred.append((query, params))

    def after_commit(self, callback: Callable[[], None]) -> None:
        """See :class:`~lemnos.platform.db.port.Tx`."""
        self.callbacks.append(callback)

    def finish(self) -> None:
        """Run what was deferred. Raises what made the transaction fail, if the body hid it."""
        if self.failure is not None:
            raise self.failure
        for query, params in self._deferred:
            self._execute(query, params)

    def _insert_together(self, compiled: Compiled, rows: list[list[Any]]) -> list[list[Any]]:
        """Insert as many rows as go into statements of a fixed length; returns the others.

        Between two statements this thread waits for the interpreter, which a busy event loop
        gives up but now and then: with a statement for each row that is most of the time.
        """
        whole = len(rows) - len(rows) % _TOGETHER
        sql = compiled.repeated(_TOGETHER) if whole else None
        if sql is None:
            return rows
        for start in range(0, whole, _TOGETHER):
            flat = list(chain.from_iterable(rows[start : start + _TOGETHER]))
            self._connection.execute(sql, flat)
        return rows[whole:]

    def _execute(self, query: Query, params: Mapping[str, Any] | None) -> sqlite3.Cursor:
        if self.failure is not None:
            raise self.failure
        compiled = query.compiled("sqlite")
        try:
            return self._connection.execute(compiled.sql, compiled.values(params or NO_PARAMS))
        except sqlite3.Error as error:
            self._fail(error)

    def _fail(self, error: sqlite3.Error) -> NoReturn:
        self.failure = translated(error)
        raise self.failure from error
