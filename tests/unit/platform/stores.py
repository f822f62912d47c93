"""Databases with the whole schema, of both kinds, for what stands on a database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from lemnos.platform.db import Database
from lemnos.platform.db.connect import open_database
from lemnos.platform.db.schema import create_all
from tests.support.services import Postgres

KINDS = ("sqlite", "postgresql")


def make_schema(url: str) -> None:
    """Create every table in an empty database."""

    async def create() -> None:
        async with opened(url) as db:
            await create_all(db)

    with ThreadPoolExecutor(1) as pool:  # a fixture may call this inside a running loop
        pool.submit(asyncio.run, create()).result()


def fresh(kind: str, folder: Path, postgres: Postgres | None) -> str:
    """The URL of a new database with the schema."""
    if postgres is not None:
        return postgres.create_database(make_schema)
    url = f"sqlite:///{folder}/lemnos.db"
    make_schema(url)
    return url


@asynccontextmanager
async def opened(url: str, *, beside: bool = False) -> AsyncIterator[Database]:
    """A node's own door to the database; ``beside`` another one that has SQLite open."""
    db = open_database(url, exclusive=not beside)
    await db.start()
    try:
        yield db
    finally:
        await db.stop()
