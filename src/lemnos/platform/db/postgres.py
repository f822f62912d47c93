"""PostgreSQL on asyncpg, for several nodes: patient with a server that is away for a while."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import bindparam, func, select, text

from lemnos.platform.db.after_commit import call_back
from lemnos.platform.db.errors import DatabaseUnavailable
from lemnos.platform.db.port import Dialect, Query, Row, Tx
from lemnos.platform.db.postgres_batch import Batches
from lemnos.platform.db.postgres_errors import (
    ConnectionLost,
    Contended,
    OutcomeUnknown,
    translated,
)
from lemnos.platform.db.postgres_listener import Heard, Listener
from lemnos.platform.db.postgres_pool import Pool
from lemnos.platform.db.postgres_tx import NO_PARAMS, PostgresTx

T = TypeVar("T")

_CONTENTIONS = 10  # attempts of a transaction that others keep undoing
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0  # seconds between attempts
_NOTIFY = Query(select(func.pg_notify(bindparam("channel"), bindparam("payload"))))
_READ_ONLY = Query(text("SELECT current_setting('transaction_read_only') = 'on'"))


class PostgresDatabase:
    """A database on a server. See :class:`~lemnos.platform.db.port.Database`.

    While the server is away, calls wait up to ``patience`` seconds and then raise
    ``Unavailable``. A transaction is run again where that is safe: when the server undid it, or
    the connection broke before its commit was sent. Otherwise ``OutcomeUnknown`` is raised,
    unless the caller said that it is ``retry_safe``.
    """

    dialect: Dialect = "postgresql"

    def __init__(
        self, dsn: str, *, min_size: int = 2, max_size: int = 16, patience: float = 15.0
    ) -> None:
        self._pool = Pool(dsn, max_size)
        self._min_size = min_size
        self._patience = patience
        self._batches = Batches()
        self._listener = Listener(dsn)

    async def start(self) -> None:
        """Open the first connections. Raises ``Unavailable`` when there is no server."""
        await self._patiently(self._warm)

    async def stop(self) -> None:
        """Let running transactions end, for a few seconds, and close all connections."""
        await self._listener.stop()
        await self._pool.close()

    async def one(self, query: Query, params: Mapping[str, Any] | None = None) -> Row | None:
        """The first row or None."""
        compiled = query.compiled("postgresql")
        values = compiled.values(params or NO_PARAMS)
        return await self._read(lambda c: c.fetchrow(compiled.sql, *values))

    async def all(self, query: Query, params: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows."""
        compiled = query.compiled("postgresql")
        values = compiled.values(params or NO_PARAMS)
        rows: list[Row] = await self._read(lambda c: c.fetch(compiled.sql, *values))
        return rows

    async def scan(self, query: Query, params: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows: the server does the work, so there is nothing that :meth:`all` would block."""
        return await self.all(query, params)

    async def write(self, body: Callable[[Tx], Awaitable[T]], *, retry_safe: bool = False) -> T:
        """Run the body in one transaction; returns its result once that is durable.

        A caller that is cancelled during the commit does not take its transaction back.
        """

        async def attempt(timeout: float) -> T:
            return await self._attempt(body, timeout)

        return await self._patiently(attempt, retry_safe=retry_safe)

    async def ping(self) -> None:
        """Raise ``Unavailable`` unless the server answers and takes writes."""
        row = await self.one(_READ_ONLY)
        if row is None or row[0]:
            raise DatabaseUnavailable("The database is read-only.")

    def listen(self, channel: str, heard: Heard) -> Callable[[], None]:
        """Call ``heard`` with the payload of each notification; returns what ends that.

        After the connection was lost and found again it is called with None: notifications may
        have been missed, so read again whatever they are about.
        """
        return self._listener.listen(channel, heard)

    async def notify(self, tx: Tx, channel: str, payload: str) -> None:
        """Notify all listeners once the transaction commits.

        PostgreSQL lets transactions that notify commit only one after the other, so use
        :meth:`publish` after the commit where a lost notification can be made up for.
        """
        await tx.one(_NOTIFY, {"channel": channel, "payload": payload})

    async def publish(self, channel: str, payload: str) -> None:
        """Notify all listeners now."""
        await self.one(_NOTIFY, {"channel": channel, "payload": payload})

    async def _read(self, fetch: Callable[[Any], Awaitable[Any]]) -> Any:
        """One statement outside of transactions, the fast way first."""
        try:
            return await self._fetch(fetch, self._patience)
        except (ConnectionLost, Contended):
            return await self._patiently(lambda timeout: self._fetch(fetch, timeout))

    async def _fetch(self, fetch: Callable[[Any], Awaitable[Any]], timeout: float) -> Any:
        connection = await self._acquire(timeout)
        try:
            return await fetch(connection)
        except asyncio.CancelledError:
            connection.terminate()
            raise
        except Exception as error:
            raise translated(error) from error
        finally:
            self._pool.release(connection)

    async def _warm(self, _timeout: float) -> None:
        try:
            await self._pool.warm(self._min_size)
        except Exception as error:
            raise translated(error) from error

    async def _acquire(self, timeout: float) -> Any:
        try:
            return await self._pool.acquire(timeout)
        except Exception as error:
            raise translated(error) from error

    async def _attempt(self, body: Callable[[Tx], Awaitable[T]], timeout: float) -> T:
        connection = await self._acquire(timeout)
        tx = PostgresTx(connection, self._batches)
        try:
            result = await body(tx)
            if tx.failure is not None:  # the body hid it, but what it did is not whole
                raise tx.failure
        except BaseException as error:
            await self._undo(tx, connection)
            if isinstance(tx.failure, ConnectionLost | Contended) and error is not tx.failure:
                raise tx.failure from error  # a retry comes before what the body made of it
            raise
        # A task of its own, so that a caller that is cancelled now does not leave it in doubt.
        await asyncio.shield(asyncio.ensure_future(self._complete(tx, connection)))
        return result

    async def _complete(self, tx: PostgresTx, connection: Any) -> None:
        try:
            await tx.commit()
        except BaseException:
            await self._undo(tx, connection)
            raise
        self._pool.release(connection)
        call_back(tx.callbacks)

    async def _undo(self, tx: PostgresTx, connection: Any) -> None:
        try:
            await tx.roll_back()
        finally:
            self._pool.release(connection)

    async def _patiently(
        self, attempt: Callable[[float], Awaitable[T]], *, retry_safe: bool = False
    ) -> T:
        """Try until it is done, cannot be, or patience ends; the pauses grow and vary."""
        deadline = time.monotonic() + self._patience
        pause, contentions = _FIRST_PAUSE, 0
        while True:
            try:
                return await attempt(max(deadline - time.monotonic(), 0.001))
            except Contended:
                contentions += 1
                if contentions == _CONTENTIONS:
                    raise
            except OutcomeUnknown:
                if not retry_safe or time.monotonic() > deadline:
                    raise
            except ConnectionLost:
                if time.monotonic() + pause > deadline:
                    raise
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries
            pause = min(pause * 2, _LONGEST_PAUSE)
