"""From a URL to a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from lemnos.platform.db.port import Database

if TYPE_CHECKING:
    from lemnos.platform.db.sqlite import Synchronous

_SQLITE = "sqlite:///"


def open_database(
    url: str, *, exclusive: bool = True, synchronous: Synchronous = "FULL"
) -> Database:
    """The database that a URL names, not yet started.

    ``sqlite:///relative.db``, ``sqlite:////absolute.db`` (as SQLAlchemy writes them) or
    ``postgresql://user:password@host:port/name``. ``exclusive`` and ``synchronous`` are for
    SQLite: see :class:`~lemnos.platform.db.sqlite.SqliteDatabase`. Raises ``ValueError`` for any
    other URL.
    """
    if is_sqlite(url):
        from lemnos.platform.db.sqlite import SqliteDatabase

        path = sqlite_path(url)
        return SqliteDatabase(path, synchronous=synchronous, exclusive=exclusive)
    from lemnos.platform.db.postgres import PostgresDatabase

    return PostgresDatabase(url)


def is_sqlite(url: str) -> bool:
    """Whether a URL names a SQLite file; otherwise PostgreSQL. ``ValueError`` if neither."""
    if url.startswith(_SQLITE):
        return True
    if urlsplit(url).scheme in ("postgresql", "postgres"):
        return False
    raise ValueError("A database URL starts with sqlite:/// or postgresql://.")


def sqlite_path(url: str) -> Path:
    """The file that a ``sqlite:///`` URL names."""
    return Path(unquote(url.removeprefix(_SQLITE)))
