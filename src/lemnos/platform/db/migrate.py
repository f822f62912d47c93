"""Bringing a database's schema up to date, and telling whether it is.

Servers call :func:`ensure_schema` at start. It only compares two version numbers when all is
well: Alembic is imported when there is something to do, as that takes longer than all the rest
of a start.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemnos.kernel.errors import LemnosError
from lemnos.platform.db.connect import is_sqlite, sqlite_path
from lemnos.platform.db.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection, MetaData

MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = "SELECT version_num FROM alembic_version"
_LOCK = "SELECT pg_advisory_xact_lock(5062001)"  # a number of ours: one migration at a time


class SchemaMismatch(LemnosError):
    """The database's schema is not the one that this version of Lemnos works with."""


def ensure_schema(url: str) -> None:
    """Migrate on SQLite; on PostgreSQL, where nodes share a schema, demand that it is current.

    Raises ``SchemaMismatch`` when it is not or is newer than this version of Lemnos, and
    ``Unavailable`` when the database cannot be reached.
    """
    if is_sqlite(url):
        migrate(url)
    elif not check(url):
        raise SchemaMismatch(
            "The database's schema is not up to date. Run `lemnos migrate` first.",
            code="schema_outdated",
        )


def check(url: str) -> bool:
    """Whether the schema is current. Raises like :func:`ensure_schema` when it is newer."""
    found = current_revision(url)
    if found is not None and found not in revisions():
        raise SchemaMismatch(
            f"The database was migrated to revision {found} by a newer version of Lemnos.",
            code="schema_newer",
        )
    return found == latest_revision()


def migrate(url: str) -> None:
    """Apply all revisions that the database lacks, all or none of them."""
    if check(url):
        return
    from alembic import command

    with connected(url) as connection:
        command.upgrade(alembic_config(connection), "head")


def revisions() -> list[str]:
    """The revisions that this version of Lemnos knows, oldest first."""
    files = sorted((MIGRATIONS / "versions").glob("v[0-9]*_*.py"))
    return [file.name[1:].partition("_")[0] for file in files]


def latest_revision() -> str | None:
    """The last of :func:`revisions`, None before there is any."""
    return next(reversed(revisions()), None)


def current_revision(url: str) -> str | None:
    """The revision that a database is at, None for an empty one."""
    return _sqlite_revision(sqlite_path(url)) if is_sqlite(url) else _postgres_revision(url)


def alembic_config(connection: Connection, metadata: MetaData | None = None) -> Config:
    """What Alembic's commands need to know; see migrations/env.py."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A connection of SQLAlchemy's in a transaction that excludes other migrations."""
    from sqlalchemy import create_engine, event, text
    from sqlalchemy.pool import NullPool

    sqlite = is_sqlite(url)
    if sqlite:
        sqlite_path(url).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(_driver_url(url), poolclass=NullPool)
    if sqlite:
        # By itself the driver would commit before each CREATE: half a migration might remain.
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin_immediately)
    with engine.begin() as connection:
        if not sqlite:
            connection.execute(text(_LOCK))
        yield connection


def _driver_url(url: str) -> str:
    if is_sqlite(url):
        return f"sqlite:///{sqlite_path(url)}"
    return f"postgresql+psycopg://{url.partition('://')[2]}"


def _leave_transactions_to_us(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout = 10000")


def _begin_immediately(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _sqlite_revision(path: Path) -> str | None:
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            row = file.execute(_VERSION).fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise DatabaseUnavailable(f"Cannot open {path}: {error}.") from error
    except sqlite3.Error as error:
        raise DatabaseUnavailable(f"Cannot open {path}: {error}.") from error
    return None if row is None else str(row[0])


def _postgres_revision(url: str) -> str | None:
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            row = connection.execute(_VERSION).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    except psycopg.Error as error:
        raise DatabaseUnavailable(f"Cannot reach the database: {error}.") from error
    return None if row is None else str(row[0])
