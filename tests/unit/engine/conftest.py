"""A database with the engine's tables and two nodes that have joined."""

from __future__ import annotations

import pytest
from sqlalchemy.schema import CreateIndex, CreateTable

from lemnos.engine import store
from lemnos.engine.tables import jobs, nodes
from lemnos.platform.db import Query
from lemnos.platform.db.sqlite import SqliteDatabase


@pytest.fixture
async def db(tmp_path):
    database = SqliteDatabase(tmp_path / "lemnos.db")
    await database.start()

    async def create(tx):
        for table in (jobs, nodes):
            await tx.run(Query(CreateTable(table)))
            for index in table.indexes:
                await tx.run(Query(CreateIndex(index)))
        await store.join(tx, "a", "a", 1, first=True)
        await store.join(tx, "b", "b", 1, first=True)

    await database.write(create)
    yield database
    await database.stop()
