"""The real server on a database that is asyncpg and nothing else: what the own layer costs.

The same statements in the same transactions, put together the same way, without what surrounds
them otherwise: no patience with a server that is away, no retries, no translated errors, no
protection of a commit from a caller that is cancelled. Started by benchmarks.api.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import asyncpg

import lemnos.foundation
from lemnos.platform.db import Query, Tx
from lemnos.platform.db.port import Dialect
from lemnos.platform.db.postgres_batch import Batches
from lemnos.server import serve
from lemnos.settings import load

T = TypeVar("T")
Params = Mapping[str, Any] | None


class RawTx:
    """A transaction that begins with its first change."""

    dialect: Dialect = "postgresql"

    def __init__(self, connection: Any, batches: Batches) -> None:
        self.connection = connection
        self.batches = batches
        self.deferred: list[tuple[Query, Mapping[str, Any]]] = []
        self.callbacks: list[Callable[[], None]] = []
        self.begun = False

    async def one(self, query: Query, params: Params = None) -> Any:
        sql, values = await self._prepared(query, params)
        return await self.connection.fetchrow(sql, *values)

    async def all(self, query: Query, params: Params = None) -> Any:
        sql, values = await self._prepared(query, params)
        return await self.connection.fetch(sql, *values)

    async def run(self, query: Query, params: Params = None) -> int:
        sql, values = await self._prepared(query, params)
        count = (await self.connection.execute(sql, *values)).rpartition(" ")[2]
        return int(count) if count.isdigit() else -1

    async def many(self, query: Query, rows: Sequence[Mapping[str, Any]]) -> None:
        await self._begin()
        compiled = query.compiled("postgresql")
        await self.connection.executemany(compiled.sql, [compiled.values(row) for row in rows])

    async def batch(self, statements: Sequence[tuple[Query, Mapping[str, Any]]]) -> None:
        await self._begin()
        for sql, values in self.batches.compose(statements):
            await self.connection.execute(sql, *values)

    def defer(self, query: Query, params: Mapping[str, Any]) -> None:
        self.deferred.append((query, params))

    def after_commit(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)

    async def commit(self) -> None:
        statements = self.batches.compose(self.deferred)
        if len(statements) > 1:
            await self._begin()
        for sql, values in statements:
            await self.connection.execute(sql, *values)
        if self.begun:
            await self.connection.execute("COMMIT")

    async def _prepared(self, query: Query, params: Params) -> tuple[str, list[Any]]:
        compiled = query.compiled("postgresql")
        if not compiled.plain_read:
            await self._begin()
        return compiled.sql, compiled.values(params or {})

    async def _begin(self) -> None:
        if not self.begun:
            self.begun = True
            await self.connection.execute("BEGIN")


class RawDatabase:
    """asyncpg's own pool."""

    dialect: Dialect = "postgresql"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: Any = None
        self._batches = Batches()

    async def start(self) -> None:
        # As in the own pool, connections are not reset: that would be a round trip for each use.
        self._pool = await asyncpg.create_pool(
            self._dsn, min_size=2, max_size=16, reset=_leave_as_it_is
        )

    async def stop(self) -> None:
        await self._pool.close()

    async def one(self, query: Query, params: Params = None) -> Any:
        compiled = query.compiled("postgresql")
        async with self._pool.acquire() as connection:
            return await connection.fetchrow(compiled.sql, *compiled.values(params or {}))

    async def all(self, query: Query, params: Params = None) -> Any:
        compiled = query.compiled("postgresql")
        async with self._pool.acquire() as connection:
            return await connection.fetch(compiled.sql, *compiled.values(params or {}))

    scan = all

    async def write(self, body: Callable[[Tx], Awaitable[T]], *, retry_safe: bool = False) -> T:
        async with self._pool.acquire() as connection:
            tx = RawTx(connection, self._batches)
            try:
                result = await body(tx)
                await tx.commit()
            except BaseException:
                if tx.begun:
                    await connection.execute("ROLLBACK")
                raise
        for callback in tx.callbacks:
            callback()
        return result

    async def ping(self) -> None:
        await self._pool.fetchval("SELECT 1")


async def _leave_as_it_is(_connection: Any) -> None:
    """Nothing to reset."""


def main() -> int:
    """Serve, as the plain server would."""
    lemnos.foundation.open_database = lambda url, **_: RawDatabase(url)  # type: ignore[assignment]
    return serve(load())


if __name__ == "__main__":
    sys.exit(main())
