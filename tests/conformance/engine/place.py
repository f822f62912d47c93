"""Where an engine under test keeps its jobs and records, and what a test wants to know of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.schema import CreateIndex, CreateTable

from lemnos.engine import Job, QueueLimits
from lemnos.engine.engine import DurableEngine
from lemnos.engine.tables import jobs, nodes
from lemnos.platform.db import Database, Query, Tx
from lemnos.platform.db.connect import open_database
from tests.support.services import Postgres

KINDS = ("sqlite", "postgresql")
PATIENCE = 20.0  # seconds a test waits for what must come
_STATE = Query(text("SELECT * FROM jobs WHERE id = :job"))
_EFFECTS = Query(text("SELECT job, step FROM effects ORDER BY at"))
_CREATE_EFFECTS = Query(text("CREATE TABLE effects (at BIGINT, job TEXT, step TEXT, node TEXT)"))


@cache
def postgres() -> Postgres:
    """One server for the suite."""
    return Postgres().start()


@dataclass(frozen=True)
class Place:
    """A fresh database, with room for the engine's records."""

    url: str
    records: str
    folder: Path

    def engine(self, database: Database, **options: Any) -> DurableEngine:
        """An engine on it that is not started."""
        options.setdefault("queues", [QueueLimits("default", 4)])
        return DurableEngine(database, records=self.records, **options)


def new_place(kind: str, folder: Path) -> Place:
    """A database with all tables, and one for what jobs do."""
    if kind == "postgresql":
        url = postgres().create_database(prepared)
        return Place(url, url, folder)
    place = Place(f"sqlite:///{folder}/lemnos.db", f"sqlite:///{folder}/engine.db", folder)
    asyncio.run(_fill(place.url))
    return place


def prepared(dsn: str) -> None:
    """The template of all PostgreSQL databases: with the schema that the first start makes."""

    async def prepare() -> None:
        await _fill(dsn)
        async with opened(dsn) as database, running(DurableEngine(database, records=dsn)):
            pass

    asyncio.run(prepare())


async def _fill(url: str) -> None:
    statements = [_CREATE_EFFECTS]
    for table in (jobs, nodes):
        statements += [Query(CreateTable(table)), *map(Query, map(CreateIndex, table.indexes))]

    async def create(tx: Tx) -> None:
        for statement in statements:
            await tx.run(statement)

    async with opened(url) as database:
        await database.write(create)


@asynccontextmanager
async def opened(url: str, *, exclusive: bool = True) -> AsyncIterator[Database]:
    """An open database."""
    database = open_database(url, exclusive=exclusive)
    await database.start()
    try:
        yield database
    finally:
        await database.stop()


@asynccontextmanager
async def running(engine: DurableEngine) -> AsyncIterator[None]:
    """An engine from start to drain."""
    await engine.start()
    try:
        yield
    finally:
        await engine.drain(PATIENCE)


async def enqueue(database: Database, engine: DurableEngine, *jobs: Job) -> None:
    """Accept jobs in one transaction."""

    async def body(tx: Tx) -> None:
        for job in jobs:
            await engine.enqueue(tx, job)

    await database.write(body)


async def row(database: Database, job: str) -> dict[str, Any]:
    """A job's row."""
    found = await database.one(_STATE, {"job": job})
    assert found is not None
    return dict(found)


async def until(database: Database, job: str, *states: str, timeout: float = PATIENCE) -> Any:
    """A job's row once it is in one of the states."""
    deadline = time.monotonic() + timeout
    while (found := await row(database, job))["state"] not in states:
        assert time.monotonic() < deadline, f"{job} is {found}, not {states}"
        await asyncio.sleep(0.02)
    return found


async def until_true(condition: Callable[[], bool], timeout: float = PATIENCE) -> None:
    """Wait for a condition in this process."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        await asyncio.sleep(0.01)


async def effects(database: Database) -> list[tuple[str, str]]:
    """What jobs have done, in order: pairs of job and step."""
    return [(found["job"], found["step"]) for found in await database.all(_EFFECTS)]
