"""One transaction on one PostgreSQL connection, in as few round trips as it can be done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from lemnos.platform.db.port import Dialect, Query, Row
from lemnos.platform.db.postgres_batch import Batches
from lemnos.platform.db.postgres_errors import ConnectionLost, OutcomeUnknown, translated

T = TypeVar("T")

NO_PARAMS: Mapping[str, Any] = {}


class PostgresTx:
    """See :class:`~lemnos.platform.db.port.Tx`; the isolation level is READ COMMITTED.

    There each statement sees what was committed before it, so plain reads before the first
    change need no transaction yet: ``BEGIN`` is sent when something changes. A body that only
    reads and defers takes one round trip for all it deferred, commit included.
    """

    __slots__ = ("_batches", "_connection", "_deferred", "begun", "callbacks", "failure")

    dialect: Dialect = "postgresql"

    def __init__(self, connection: Any, batches: Batches) -> None:
        self._connection = connection
        self._batches = batches
        self._deferred: list[tuple[Query, Mapping[str, Any]]] = []
        self.begun = False
        self.callbacks: list[Callable[[], None]] = []
        self.failure: BaseException | None = None

    async def one(self, query: Query, params: Mapping[str, Any] | None = None) -> Row | None:
        """See :class:`~lemnos.platform.db.port.Tx`."""
        sql, values = await self._prepare(query, params)
        return await self._guard(self._connection.fetchrow(sql, *values))

    async def all(self, query: Query, params: Mapping[str, Any] | None = None) -> list[Row]:
        """See :class:`~lemnos.platform.db.port.Tx`."""
        sql, values = await self._prepare(query, params)
        rows: list[Row] = await self._guard(self._connection.fetch(sql, *values))
        return rows

    async def run(self, query: Query, params: Mapping[str, Any] | None = None) -> int:
        """See :class:`~lemnos.platform.db.port.Tx`."""
        sql, values = await self._prepare(query, params)
        status: str = await self._guard(self._connection.execute(sql, *values))
        count = status.rpartition(" ")[2]  # such as "INSERT 0 1", "UPDATE 3", "CREATE TABLE"
        return int(count) if count.isdigit() else -1

    async def many(self, query: Query, rows: Sequence[Mapping[str, Any]]) -> None:
        """See :class:`~lemnos.platform.db.port.Tx`."""
        await self._begin()
        compiled = query.compiled("postgresql")
        values = [compiled.values(row) for row in rows]
        await self._guard(self._connection.executemany(compiled.sql, values))

    async def batch(self, statements: Sequence[tuple[Query, Mapping[str, Any]]]) -> None:
        """See :class:`~lemnos.platform.db.port.Tx`."""
        await self._begin()
        for sql, values in self._batches.compose(statements):
            await self._guard(self._connection.execute(sql, *values))

    def defer(self, query: Query, params: Mapping[str, Any]) -> None:
        """See :class:`~lemnos.platform.db.port.Tx`."""
        self._deferred.append((query, params))

    def after_commit(self, callback: Callable[[], None]) -> None:
        """See :class:`~lemnos.platform.db.port.Tx`."""
        self.callbacks.append(callback)

    async def commit(self) -> None:
        """Run what was deferred and make all of it durable.

        Raises ``OutcomeUnknown`` when the connection broke while that was on its way.
        """
        statements = self._batches.compose(self._deferred)
        if not self.begun and len(statements) == 1:  # it is its own transaction
            await self._decide(*statements[0])
            return
        if statements:
            await self._begin()
        for sql, values in statements:
            await self._guard(self._connection.execute(sql, *values))
        if self.begun:
            await self._decide("COMMIT", [])

    async def roll_back(self) -> None:
        """Undo everything; a connection that cannot even do that is thrown away."""
        if not self.begun or self._connection.is_closed():
            return
        try:
            await self._connection.execute("ROLLBACK")
        except Exception:
            self._connection.terminate()

    async def _prepare(
        self, query: Query, params: Mapping[str, Any] | None
    ) -> tuple[str, list[Any]]:
        compiled = query.compiled("postgresql")
        if self.failure is not None:
            raise self.failure
        if not (self.begun or compiled.plain_read):
            await self._begin()
        return compiled.sql, compiled.values(params or NO_PARAMS)

    async def _begin(self) -> None:
        if self.failure is not None:
            raise self.failure
        if not self.begun:
            self.begun = True
            await self._guard(self._connection.execute("BEGIN"))

    async def _guard(self, running: Awaitable[T]) -> T:
        try:
            return await running
        except asyncio.CancelledError:
            self._connection.terminate()  # its reply is still to come: nobody may use it again
            raise
        except Exception as error:
            self.failure = translated(error)
            raise self.failure from error

    async def _decide(self, sql: str, values: list[Any]) -> None:
        try:
            await self._guard(self._connection.execute(sql, *values))
        except ConnectionLost as error:
            raise OutcomeUnknown(error.message, code="outcome_unknown") from error
