"""Fresh databases of both kinds; the PostgreSQL server is started once and shared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from lemnos.platform.db import Database
from lemnos.platform.db.connect import open_database
from tests.support.services import Postgres

KINDS = ("sqlite", "postgresql")


@cache
def postgres() -> Postgres:
    return Postgres().start()


def fresh_url(kind: str, folder: Path) -> str:
    """A new, empty database of a kind."""
    if kind == "postgresql":
        return postgres().create_database()
    return f"sqlite:///{folder}/lemnos.db"


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = open_database(url)
    await database.start()
    try:
        yield database
    finally:
        await database.stop()
