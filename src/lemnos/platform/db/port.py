"""The database port: compiled queries, reads, and transactions that run the same on both databases.

SQLAlchemy Core describes tables and builds statements; it does not run them. A statement is
compiled once a dialect to SQL and the order of its parameters, and handed to ``sqlite3`` or
``asyncpg`` as it is. Values pass through unchanged, so tables use only types that both drivers
map alike: Text, BigInteger, Integer, Float, LargeBinary; JSON is Text.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.ddl import ExecutableDDLElement

T = TypeVar("T")
Dialect = Literal["sqlite", "postgresql"]
Row = Any  # sqlite3.Row or asyncpg.Record: both are read by name and by position

# No row locks, and no functions of the server's own, which may lock, count or notify.
_VALUES = re.compile(r"(?is)\s*INSERT\b.*\bVALUES\s*(\([?,\s]+\))\s*")
_PLAIN_READ = re.compile(r"(?is)\s*SELECT\b(?!.*\b(?:FOR\s+\w|pg_|nextval|setval|set_config))")
_DIALECTS: dict[Dialect, Any] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": postgresql.asyncpg.dialect(),  # type: ignore[no-untyped-call]
}


class Compiled:
    """SQL for one dialect, with the names of its parameters in the order of their places.

    ``plain_read`` tells a statement that means the same inside a transaction and outside.
    """

    __slots__ = ("_repeated", "defaults", "names", "plain_read", "sql")

    def __init__(self, sql: str, names: tuple[str, ...], defaults: dict[str, Any]) -> None:
        self.sql = sql
        self.names = names
        self.defaults = defaults
        self.plain_read = _PLAIN_READ.match(sql) is not None
        self._repeated: tuple[int, str | None] = (1, sql)

    def repeated(self, count: int) -> str | None:
        """SQLite: the statement for so many rows at once, if it is an ``INSERT … VALUES (…)``."""
        if self._repeated[0] != count:
            found = _VALUES.fullmatch(self.sql)
            rows = f", {found[1]}" * (count - 1) if found else ""
            self._repeated = (count, f"{self.sql}{rows}" if found else None)
        return self._repeated[1]

    def values(self, params: Mapping[str, Any]) -> list[Any]:
        """The values in order. A missing parameter raises ``KeyError``."""
        if not self.defaults:
            return [params[name] for name in self.names]
        merged = {**self.defaults, **params}
        return [merged[name] for name in self.names]


class Query:
    """A statement, compiled on first use for the dialect it meets. Make them once, at import."""

    __slots__ = ("_compiled", "statement")

    def __init__(self, statement: ClauseElement) -> None:
        self.statement = statement
        self._compiled: dict[Dialect, Compiled] = {}

    def compiled(self, dialect: Dialect) -> Compiled:
        """This statement for a dialect; literals in it become defaults of its parameters."""
        found = self._compiled.get(dialect)
        if found is None:
            found = self._compiled[dialect] = self._compile(dialect)
        return found

    def _compile(self, dialect: Dialect) -> Compiled:
        made = self.statement.compile(
            dialect=_DIALECTS[dialect], compile_kwargs={"render_postcompile": True}
        )
        if isinstance(self.statement, ExecutableDDLElement):
            return Compiled(str(made), (), {})
        names = tuple(made.positiontup or ())  # type: ignore[attr-defined]
        bound = made.bind_names.items()  # type: ignore[attr-defined]
        defaults = {name: bind.value for bind, name in bound if bind.value is not None}
        return Compiled(str(made), names, defaults)


class Tx(Protocol):
    """One open transaction. A body may await these methods and nothing else.

    On SQLite the body is driven to its end inside the writer thread, several bodies to one
    commit, each in a savepoint; on PostgreSQL it runs on a connection of the pool. A body that
    raises is rolled back alone, and the error reaches the caller of :meth:`Database.write`. It
    may be run again when the database asks for a retry (serialisation failure, deadlock), so it
    must have no effect outside the database but through :meth:`after_commit`. After an error the
    transaction is over: a body may catch it to raise another one, not to go on.

    SQLite runs bodies one after the other; PostgreSQL runs them at once, READ COMMITTED. So a
    change that depends on what was read says so in its WHERE, or reads ``with_for_update()``.
    """

    dialect: Dialect

    async def one(self, query: Query, params: Mapping[str, Any] | None = None) -> Row | None:
        """The first row or None."""
        ...

    async def all(self, query: Query, params: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows."""
        ...

    async def run(self, query: Query, params: Mapping[str, Any] | None = None) -> int:
        """Run a statement; the number of rows it changed."""
        ...

    async def many(self, query: Query, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each row."""
        ...

    async def batch(self, statements: Sequence[tuple[Query, Mapping[str, Any]]]) -> None:
        """Run statements whose results do not matter; one round trip where that is possible.

        They may not depend on each other's effects, as PostgreSQL may see them as one statement.
        """
        ...

    def defer(self, query: Query, params: Mapping[str, Any]) -> None:
        """Run a statement at the end of the body, all deferred ones in one :meth:`batch`.

        The cheapest way to write: on PostgreSQL a body that only reads and defers needs one
        round trip for all of it, commit included. Their errors reach the caller of
        :meth:`Database.write`, and the body does not see their effects.
        """
        ...

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back on the event loop once this transaction is durable; never if it is not."""
        ...


class Database(Protocol):
    """Reads outside of transactions, and :meth:`write` for everything that changes something."""

    dialect: Dialect

    async def start(self) -> None:
        """Open the database. Raises ``Unavailable`` when it cannot be reached."""
        ...

    async def stop(self) -> None:
        """Finish what was accepted and close."""
        ...

    async def one(self, query: Query, params: Mapping[str, Any] | None = None) -> Row | None:
        """The first row or None. On SQLite inline on the loop: only for bounded, indexed reads."""
        ...

    async def all(self, query: Query, params: Mapping[str, Any] | None = None) -> list[Row]:
        """All rows, for bounded, indexed reads."""
        ...

    async def scan(self, query: Query, params: Mapping[str, Any] | None = None) -> list[Row]:
        """Like :meth:`all` for reads that may take long: never blocks the loop."""
        ...

    async def write(self, body: Callable[[Tx], Awaitable[T]], *, retry_safe: bool = False) -> T:
        """Run the body in one transaction; returns its result once that is durable.

        ``retry_safe`` says that the transaction may happen twice without harm: it is then run
        again even if the connection broke during its commit, so that nobody knows its outcome.
        """
        ...

    async def ping(self) -> None:
        """Raise ``Unavailable`` unless the database answers and can be written."""
        ...
