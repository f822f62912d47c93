"""How much of the database's own speed is left: alternating rounds, medians, ratios.

``python benchmarks/db.py [sqlite] [postgresql] [--rounds N]``. Each ratio compares two ways of
doing the same work in the same run; times alone say little on a shared machine.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    Table,
    Text,
    bindparam,
    insert,
    select,
)

sys.path.insert(0, str(Path(__file__).parents[1]))

from lemnos.platform.db import Database, Query, Tx, metadata
from lemnos.platform.db.postgres import PostgresDatabase
from lemnos.platform.db.schema import create_all
from lemnos.platform.db.sqlite import SqliteDatabase
from lemnos.platform.events.log import SqlEventLog
from lemnos.platform.events.notifier import Notifier
from lemnos.platform.events.port import NewEvent

WRITES, CONCURRENT, WIDE = 2_000, 64, 8
BATCHES, BATCH = 50, 200
DATA = b'{"type":"text","text":"' + b"x" * 270 + b'"}'

bench_rows = Table(
    "bench_rows",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
bench_audit = Table(
    "bench_audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
ROW = Query(insert(bench_rows))
AUDIT = Query(
    insert(bench_audit).values({n: bindparam(n) for n in ("tenant", "detail", "hash")}).inline()
)
BY_ID = Query(select(bench_rows).where(bench_rows.c.id == bindparam("id")))

Round = Callable[[str], Awaitable[float]]


async def concurrently(work: Callable[[int], Awaitable[Any]], count: int, wide: int) -> float:
    """Seconds for ``count`` calls, ``wide`` at a time."""

    async def lane(first: int) -> None:
        for number in range(first, count, wide):
            await work(number)

    began = time.perf_counter()
    await asyncio.gather(*map(lane, range(wide)))
    return time.perf_counter() - began


async def compare(title: str, rounds: int, ours: Round, bare: Round) -> None:
    """Print the median of the ratios of speeds; over 1 means that ours is faster."""
    ratios, times = [], []
    for number in range(-1, rounds):
        mine, theirs = await ours(f"{title} {number}"), await bare(f"{title} {number}")
        if number < 0:
            continue  # to warm up
        ratios.append(theirs / mine)
        times.append(mine)
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"{title:64} {statistics.median(ratios):5.2f}  ({spread}; {min(times) * 1e3:.0f} ms)")


def post(db: Database, log: SqlEventLog, mark: str, *, later: bool) -> Callable[[int], Any]:
    """A POST's transaction: a row, an event of a new stream, an audit entry."""

    async def work(number: int) -> None:
        name = f"{mark}-{number}"
        event = NewEvent("task", "created", DATA, number)

        async def body(tx: Tx) -> None:
            if later:
                tx.defer(ROW, row(name))
                log.append_later(tx, "acme", name, [event])
                tx.defer(AUDIT, audit())
            else:
                await tx.run(ROW, row(name))
                await log.append(tx, "acme", name, [event])
                await tx.run(AUDIT, audit())

        await db.write(body)

    return work


def row(name: str) -> dict[str, Any]:
    return {"id": name, "tenant": "acme", "body": "y" * 400, "created_at": 1}


def audit() -> dict[str, Any]:
    return {"tenant": "acme", "detail": "z" * 200, "hash": b"h" * 32}


READ = "SELECT id, tenant, body, created_at FROM bench_rows WHERE id = {}"
RAW = (
    "INSERT INTO bench_rows VALUES (?, ?, ?, ?)",
    "INSERT INTO event_streams VALUES (?, ?, ?)",
    "INSERT INTO events (stream, seq, tenant, type, name, data, ts, detail) VALUES (?,?,?,?,?,?,?,?)",  # noqa: E501
    "INSERT INTO bench_audit (tenant, detail, hash) VALUES (?, ?, ?)",
)


def raw_values(name: str, number: int) -> list[tuple[Any, ...]]:
    return [
        (name, "acme", "y" * 400, 1),
        (name, "acme", 1),
        (name, 1, "acme", "task", "created", DATA, number, b""),
        ("acme", "z" * 200, b"h" * 32),
    ]


class Sqlite:
    """Ours and the bare driver, each on a file of its own."""

    def __init__(self, db: SqliteDatabase, normal: SqliteDatabase, bare: sqlite3.Connection):
        self.db, self.log = db, SqlEventLog(db, Notifier())
        self.normal, self.normal_log = normal, SqlEventLog(normal, Notifier())
        self.bare = bare

    async def post(self, mark: str) -> float:
        return await concurrently(post(self.db, self.log, mark, later=False), WRITES, CONCURRENT)

    async def post_later(self, mark: str) -> float:
        return await concurrently(post(self.db, self.log, mark, later=True), WRITES, CONCURRENT)

    async def post_normal(self, mark: str) -> float:
        work = post(self.normal, self.normal_log, mark, later=False)
        return await concurrently(work, WRITES, CONCURRENT)

    async def bare_post(self, mark: str) -> float:
        """The same statements on the driver, as many to a commit as there are callers."""
        began = time.perf_counter()
        for first in range(0, WRITES, CONCURRENT):
            self.bare.execute("BEGIN IMMEDIATE")
            for number in range(first, min(first + CONCURRENT, WRITES)):
                for sql, values in zip(RAW, raw_values(f"{mark}-{number}", number), strict=True):
                    self.bare.execute(sql, values)
            self.bare.execute("COMMIT")
        return time.perf_counter() - began

    async def append(self, mark: str) -> float:
        fresh = [NewEvent("text", "delta", DATA, 7)] * BATCH
        began = time.perf_counter()
        for _ in range(BATCHES):
            await self.db.write(lambda tx: self.log.append(tx, "acme", mark, fresh))
        return time.perf_counter() - began

    async def bare_append(self, mark: str) -> float:
        began = time.perf_counter()
        for first in range(1, BATCHES * BATCH, BATCH):
            rows = [
                (mark, seq, "acme", "text", "delta", DATA, 7, b"")
                for seq in range(first, first + BATCH)
            ]
            self.bare.execute("BEGIN IMMEDIATE")
            self.bare.executemany(RAW[2], rows)
            self.bare.execute("COMMIT")
        return time.perf_counter() - began

    async def read(self, _: str) -> float:
        return await concurrently(lambda n: self.db.one(BY_ID, {"id": f"r-{n}"}), WRITES, 1)

    async def bare_read(self, _: str) -> float:
        began = time.perf_counter()
        for number in range(WRITES):
            self.bare.execute(READ.format("?"), (f"r-{number}",)).fetchone()
        return time.perf_counter() - began


async def sqlite(folder: Path, rounds: int) -> None:
    db = await opened_sqlite(folder / "ours.db", "FULL")
    normal = await opened_sqlite(folder / "normal.db", "NORMAL")
    await (await opened_sqlite(folder / "bare.db", "FULL")).stop()
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None, cached_statements=512)
    bare.executescript(
        "PRAGMA synchronous = FULL; PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000"
    )
    on = Sqlite(db, normal, bare)
    await on.post("r")
    await on.bare_post("r")
    await compare("SQLite: POST against the bare driver", rounds, on.post, on.bare_post)
    await compare("SQLite: the same, deferred", rounds, on.post_later, on.bare_post)
    await compare("SQLite: synchronous FULL against NORMAL", rounds, on.post, on.post_normal)
    await compare("SQLite: 200 events against executemany", rounds, on.append, on.bare_append)
    await compare("SQLite: point read against the bare driver", rounds, on.read, on.bare_read)
    bare.close()
    await db.stop()
    await normal.stop()


async def opened_sqlite(path: Path, synchronous: Any) -> SqliteDatabase:
    db = SqliteDatabase(path, synchronous=synchronous, exclusive=False)
    await db.start()
    await create_all(db)
    return db


ONE_STATEMENT = """
WITH r AS (INSERT INTO bench_rows VALUES ($1::text, $2::text, $3::text, $4::bigint)),
s AS (INSERT INTO event_streams VALUES ($1::text, $2::text, 1)),
e AS (INSERT INTO events (stream, seq, tenant, type, name, data, ts, detail)
      VALUES ($1::text, 1, $2::text, $5::text, $6::text, $7::bytea, $8::bigint, ''))
INSERT INTO bench_audit (tenant, detail, hash) VALUES ($2::text, $9::text, $10::bytea)
"""


class Postgresql:
    """Ours and asyncpg's pool on the same server, as many connections each."""

    def __init__(self, db: PostgresDatabase, pool: Any):
        self.db, self.log = db, SqlEventLog(db, Notifier())
        self.pool = pool

    async def post(self, mark: str) -> float:
        return await concurrently(post(self.db, self.log, mark, later=False), WRITES, WIDE)

    async def post_later(self, mark: str) -> float:
        return await concurrently(post(self.db, self.log, mark, later=True), WRITES, WIDE)

    async def bare_post(self, mark: str) -> float:
        """All four rows by one statement, the fastest way that asyncpg knows."""

        async def work(number: int) -> None:
            await self.pool.execute(
                ONE_STATEMENT, f"{mark}b{number}", "acme", "y" * 400, 1,
                "task", "created", DATA, number, "z" * 200, b"h" * 32,
            )  # fmt: skip

        return await concurrently(work, WRITES, WIDE)

    async def bare_steps(self, mark: str) -> float:
        async def work(number: int) -> None:
            rows = raw_values(f"{mark}s{number}", number)
            async with self.pool.acquire() as connection, connection.transaction():
                for sql, values in zip(NUMBERED, rows, strict=True):
                    await connection.execute(sql, *values)

        return await concurrently(work, WRITES, WIDE)

    async def append(self, mark: str) -> float:
        fresh = [NewEvent("text", "delta", DATA, 7)] * BATCH
        began = time.perf_counter()
        for _ in range(BATCHES):
            await self.db.write(lambda tx: self.log.append(tx, "acme", mark, fresh))
        return time.perf_counter() - began

    async def bare_append(self, mark: str) -> float:
        began = time.perf_counter()
        for first in range(1, BATCHES * BATCH, BATCH):
            rows = [
                (f"{mark}b", seq, "acme", "text", "delta", DATA, 7, b"")
                for seq in range(first, first + BATCH)
            ]
            await self.pool.executemany(numbered(RAW[2]), rows)
        return time.perf_counter() - began

    async def read(self, _: str) -> float:
        return await concurrently(lambda n: self.db.one(BY_ID, {"id": f"r-{n}"}), WRITES, WIDE)

    async def bare_read(self, _: str) -> float:
        sql = READ.format("$1")
        return await concurrently(lambda n: self.pool.fetchrow(sql, f"r-{n}"), WRITES, WIDE)


async def postgresql(rounds: int) -> None:
    from tests.support.services import Postgres

    with Postgres(durable=True) as server:
        dsn = server.create_database()
        db = PostgresDatabase(dsn, min_size=WIDE, max_size=WIDE)
        await db.start()
        await create_all(db)
        on = Postgresql(db, await asyncpg.create_pool(dsn, min_size=WIDE, max_size=WIDE))
        await on.post("r")
        await compare(
            "PostgreSQL: POST deferred, against one CTE", rounds, on.post_later, on.bare_post
        )
        await compare("PostgreSQL: POST in steps, against steps", rounds, on.post, on.bare_steps)
        await compare(
            "PostgreSQL: 200 events against executemany", rounds, on.append, on.bare_append
        )
        await compare("PostgreSQL: point read against a pool's", rounds, on.read, on.bare_read)
        await on.pool.close()
        await db.stop()


def numbered(sql: str) -> str:
    """``?, ?`` as ``$1, $2``."""
    head, *rest = sql.split("?")
    return head + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


NUMBERED = [numbered(sql) for sql in RAW]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    if "sqlite" in asked.which:
        with tempfile.TemporaryDirectory() as folder:
            await sqlite(Path(folder), asked.rounds)
    if "postgresql" in asked.which:
        await postgresql(asked.rounds)


if __name__ == "__main__":
    uvloop.run(main())
