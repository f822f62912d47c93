"""What is SQLite's own: one writer, group commit, the lock, and its failures."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, bindparam, insert, select, text

from lemnos.kernel.errors import Unavailable
from lemnos.platform.db import Query, Tx, sqlite_writer
from lemnos.platform.db.errors import DatabaseUnavailable, IntegrityViolation, UniqueViolation
from lemnos.platform.db.sqlite import SqliteDatabase
from lemnos.platform.db.sqlite_writer import BATCH_LIMIT, _Job, settle

things = Table(
    "things",
    MetaData(),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
)
INSERT = Query(insert(things))
BY_ID = Query(select(things).where(things.c.id == bindparam("id")))
ALL = Query(select(things).order_by(things.c.id))
CREATE = Query(text("CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT NOT NULL)"))
QUOTA = "PRAGMA max_page_count"


async def create(tx: Tx) -> None:
    await tx.run(CREATE)


@pytest.fixture
async def db(tmp_path: Path):
    database = SqliteDatabase(tmp_path / "lemnos.db")
    await database.start()
    await database.write(create)
    yield database
    await database.stop()


def adding(number: int, name: str | None = "x"):
    async def body(tx: Tx) -> int:
        await tx.run(INSERT, {"id": number, "name": name})
        return number

    return body


async def test_bodies_that_wait_together_share_a_commit(db: SqliteDatabase, monkeypatch):
    commits: list[int] = []

    def counted(jobs: list[_Job]) -> None:
        commits.append(len(jobs))
        settle(jobs)

    monkeypatch.setattr(sqlite_writer, "settle", counted)
    results = await asyncio.gather(*(db.write(adding(n)) for n in range(100)))
    assert results == list(range(100))
    assert commits == [BATCH_LIMIT, 100 - BATCH_LIMIT]


async def test_a_body_that_fails_takes_only_its_own_changes_back(db: SqliteDatabase):
    async def half(tx: Tx) -> None:
        await tx.run(INSERT, {"id": 50, "name": "half"})
        raise ValueError("changed my mind")

    outcomes = await asyncio.gather(
        db.write(adding(1)), db.write(half), db.write(adding(2)), return_exceptions=True
    )
    assert outcomes[0] == 1
    assert isinstance(outcomes[1], ValueError)
    assert outcomes[2] == 2
    assert [row["id"] for row in await db.all(ALL)] == [1, 2]


async def test_awaiting_anything_else_in_a_body_is_refused(db: SqliteDatabase):
    async def body(tx: Tx) -> None:
        await tx.run(INSERT, {"id": 1, "name": "x"})
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="other than its transaction"):
        await db.write(body)
    assert await db.write(adding(2)) == 2
    assert await db.one(BY_ID, {"id": 1}) is None


async def test_a_body_that_insists_on_waiting_does_not_stop_the_writer(db: SqliteDatabase):
    async def body(tx: Tx) -> None:
        try:
            await asyncio.sleep(0)
        except RuntimeError:
            await asyncio.sleep(0)

    with pytest.raises(RuntimeError):
        await db.write(body)
    assert await db.write(adding(2)) == 2


async def test_a_cancelled_caller_does_not_disturb_the_others(db: SqliteDatabase, monkeypatch):
    writer = db._writer
    assert writer is not None
    committing, go_on, in_thread = asyncio.Event(), asyncio.Event(), writer._in_thread

    async def held_up(statement: str) -> None:
        committing.set()
        await go_on.wait()
        await in_thread(statement)

    monkeypatch.setattr(writer, "_in_thread", held_up)
    first = asyncio.ensure_future(db.write(adding(1)))
    second = asyncio.ensure_future(db.write(adding(2)))
    await committing.wait()
    first.cancel()
    go_on.set()
    assert await second == 2
    assert first.cancelled()
    assert await db.one(BY_ID, {"id": 1}) is not None


async def test_another_process_that_writes_is_waited_for_off_the_loop(db: SqliteDatabase):
    other = sqlite3.connect(db.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.ensure_future(db.write(adding(1)))
    for _ in range(20):
        await asyncio.sleep(0.005)  # the loop goes on
    assert not writing.done()
    other.execute("COMMIT")
    other.close()
    assert await writing == 1


async def test_violations_are_told_apart(db: SqliteDatabase):
    await db.write(adding(1))
    with pytest.raises(UniqueViolation):
        await db.write(adding(1))
    with pytest.raises(IntegrityViolation):
        await db.write(adding(2, None))


async def test_an_error_that_the_body_hides_still_fails_the_transaction(db: SqliteDatabase):
    await db.write(adding(1))

    async def hides(tx: Tx) -> None:
        await tx.run(INSERT, {"id": 7, "name": "x"})
        try:
            await tx.run(INSERT, {"id": 1, "name": "x"})
        except UniqueViolation:
            return

    with pytest.raises(UniqueViolation):
        await db.write(hides)
    assert await db.one(BY_ID, {"id": 7}) is None


async def test_a_full_disk_fails_the_batch_and_the_writer_goes_on(db: SqliteDatabase):
    async def limit(tx: Tx) -> None:
        await tx.one(Query(text(f"{QUOTA} = 3")))

    async def unlimit(tx: Tx) -> None:
        await tx.one(Query(text(f"{QUOTA} = 1000000")))

    await db.write(limit)
    # SQLITE_FULL rolls back the whole transaction: also those who asked for little.
    outcomes = await asyncio.gather(
        db.write(adding(1)), db.write(adding(2, "x" * 100_000)), return_exceptions=True
    )
    assert isinstance(outcomes[1], Unavailable)
    kept = await db.one(BY_ID, {"id": 1})
    assert (kept is not None) == (outcomes[0] == 1)
    await db.write(unlimit)
    assert await db.write(adding(3)) == 3
    await db.ping()


async def test_a_commit_that_fails_fails_all_its_bodies(db: SqliteDatabase, monkeypatch):
    class Broken:
        """The writer's connection on a disk that fails when the log is flushed."""

        def __init__(self, connection: sqlite3.Connection) -> None:
            self.connection = connection
            self.broken = True

        def execute(self, sql: str, *args):
            if sql == "COMMIT" and self.broken:
                raise sqlite3.OperationalError("disk I/O error")
            return self.connection.execute(sql, *args)

        def __getattr__(self, name: str):
            return getattr(self.connection, name)

    writer = db._writer
    assert writer is not None
    broken = Broken(writer._connection)
    monkeypatch.setattr(writer, "_connection", broken)
    called: list[int] = []

    async def body(tx: Tx) -> None:
        tx.after_commit(lambda: called.append(1))
        await tx.run(INSERT, {"id": 1, "name": "x"})

    outcomes = await asyncio.gather(
        db.write(body), db.write(adding(2)), db.write(adding(3)), return_exceptions=True
    )
    assert all(isinstance(outcome, DatabaseUnavailable) for outcome in outcomes)
    assert await db.all(ALL) == []
    with pytest.raises(Unavailable):
        await db.ping()
    broken.broken = False
    await db.ping()
    await db.write(body)
    assert called == [1]


async def test_a_second_server_on_the_same_file_is_refused(db: SqliteDatabase):
    second = SqliteDatabase(db.path)
    with pytest.raises(Unavailable, match="already serves"):
        await second.start()
    command = SqliteDatabase(db.path, exclusive=False)
    await command.start()
    await command.write(adding(9))
    await command.stop()
    assert await db.one(BY_ID, {"id": 9}) is not None


async def test_the_lock_is_free_after_stop(db: SqliteDatabase):
    await db.stop()
    again = SqliteDatabase(db.path)
    await again.start()
    await again.stop()


async def test_stop_commits_what_was_accepted(db: SqliteDatabase):
    writes = [asyncio.ensure_future(db.write(adding(n))) for n in range(500)]
    await asyncio.sleep(0)
    await db.stop()
    assert await asyncio.gather(*writes) == list(range(500))
    with pytest.raises(Unavailable):
        await db.write(adding(1000))
    kept = sqlite3.connect(db.path)
    assert kept.execute("SELECT count(*) FROM things").fetchone() == (500,)
    kept.close()


async def test_readers_cannot_write(db: SqliteDatabase):
    with pytest.raises(Unavailable):
        await db.all(INSERT, {"id": 1, "name": "x"})


async def test_a_path_that_cannot_be_opened(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="Cannot open"):
        await SqliteDatabase(tmp_path / "file" / "lemnos.db").start()


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 137])
async def test_many_rows_are_all_there_however_they_are_grouped(db: SqliteDatabase, count: int):
    rows = [{"id": number, "name": f"n{number}"} for number in range(count)]
    await db.write(lambda tx: tx.many(INSERT, rows))
    assert [(row["id"], row["name"]) for row in await db.all(ALL)] == [
        (row["id"], row["name"]) for row in rows
    ]


async def test_many_changes_that_are_no_plain_insert_are_made_one_by_one(db: SqliteDatabase):
    rename = Query(text("UPDATE things SET name = :name WHERE id = :id"))
    await db.write(lambda tx: tx.many(INSERT, [{"id": n, "name": "x"} for n in range(120)]))
    await db.write(lambda tx: tx.many(rename, [{"id": n, "name": f"n{n}"} for n in range(120)]))
    assert [row["name"] for row in await db.all(ALL)] == [f"n{n}" for n in range(120)]


async def test_one_bad_row_of_many_takes_all_back(db: SqliteDatabase):
    rows = [{"id": number % 100, "name": "x"} for number in range(101)]
    with pytest.raises(UniqueViolation):
        await db.write(lambda tx: tx.many(INSERT, rows))
    assert await db.all(ALL) == []
