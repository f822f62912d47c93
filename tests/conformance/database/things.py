"""Two small tables to try a database with."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.schema import CreateTable

from lemnos.platform.db import Query, Tx

_metadata = MetaData()
things = Table(
    "things",
    _metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("size", Float),
    Column("raw", LargeBinary),
)
parts = Table(
    "parts",
    _metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("thing", ForeignKey("things.id"), nullable=False),
)
INSERT = Query(insert(things))
INSERT_PART = Query(insert(parts))
BY_ID = Query(select(things).where(things.c.id == bindparam("id")))
LOCKED = Query(select(things).where(things.c.id == bindparam("id")).with_for_update())
ALL = Query(select(things).order_by(things.c.id))
RENAME = Query(update(things).where(things.c.id == bindparam("of")).values(name=bindparam("name")))
RENAMED = Query(
    update(things)
    .where(things.c.id == bindparam("of"))
    .values(name=bindparam("name"))
    .returning(things.c.id, things.c.name)
)
GROW = Query(update(things).where(things.c.id == bindparam("of")).values(size=things.c.size + 1.0))
DELETE = Query(delete(things).where(things.c.id == bindparam("of")))


async def CREATE(tx: Tx) -> None:
    await tx.run(Query(CreateTable(things)))
    await tx.run(Query(CreateTable(parts)))


def row(number: int, name: str | None = "thing", size: float = 0.0, raw: bytes | None = None):
    return {"id": number, "name": name, "size": size, "raw": raw}


def adding(number: int, name: str | None = "thing"):
    """A body that adds one row."""

    async def body(tx: Tx) -> int:
        await tx.run(INSERT, row(number, name))
        return number

    return body
