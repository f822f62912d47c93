"""PostgreSQL goes away: what can wait waits, what cannot says so, and nothing is lost."""

from __future__ import annotations

import asyncio
import signal

import pytest

from lemnos.kernel.errors import Unavailable
from lemnos.platform.db import Tx
from lemnos.platform.db.postgres import PostgresDatabase
from lemnos.platform.db.postgres_errors import OutcomeUnknown
from tests.conformance.database.things import ALL, BY_ID, CREATE, INSERT, LOCKED, adding, row
from tests.support.services import Postgres


@pytest.fixture(scope="module")
def server():
    with Postgres(durable=True) as running:  # crashes must not undo what was committed
        yield running


@pytest.fixture
async def db(server: Postgres):
    database = PostgresDatabase(server.create_database(), patience=30)
    await database.start()
    await database.write(CREATE)
    yield database
    await database.stop()


async def test_requests_wait_for_a_server_that_comes_back(server: Postgres, db: PostgresDatabase):
    await db.write(adding(0))
    await asyncio.to_thread(server.stop, signal.SIGQUIT)
    writes = [asyncio.ensure_future(db.write(adding(number))) for number in range(1, 40)]
    reads = [asyncio.ensure_future(db.one(BY_ID, {"id": 0})) for _ in range(40)]
    await asyncio.sleep(0.3)
    assert not any(call.done() for call in writes + reads)
    await asyncio.to_thread(server.start)
    assert await asyncio.gather(*writes) == list(range(1, 40))
    assert all(found is not None for found in await asyncio.gather(*reads))
    assert [found["id"] for found in await db.all(ALL)] == list(range(40))


async def test_a_transaction_cut_off_before_its_commit_is_run_again(
    server: Postgres, db: PostgresDatabase
):
    runs: list[int] = []

    async def body(tx: Tx) -> int:
        runs.append(1)
        await tx.run(INSERT, row(1))
        if len(runs) == 1:
            server.stop(signal.SIGQUIT)
            server.start()
        await tx.one(LOCKED, {"id": 1})
        return len(runs)

    assert await db.write(body) == 2
    assert len(await db.all(ALL)) == 1


@pytest.mark.parametrize("retry_safe", [False, True])
async def test_a_commit_of_unknown_outcome(
    server: Postgres, db: PostgresDatabase, retry_safe: bool
):
    """The connection ends before the answer: without leave nobody writes a second time."""
    runs: list[int] = []

    async def body(tx: Tx) -> None:
        runs.append(1)
        tx.defer(INSERT, row(len(runs)))
        if len(runs) == 1:
            server.stop(signal.SIGQUIT)
            server.start()

    if retry_safe:
        await db.write(body, retry_safe=True)
        assert len(runs) == 2
        assert [found["id"] for found in await db.all(ALL)] == [2]
    else:
        with pytest.raises(OutcomeUnknown):
            await db.write(body)
        assert len(runs) == 1


async def test_patience_ends(server: Postgres):
    dsn = server.create_database()
    db = PostgresDatabase(dsn, patience=0.3)
    await db.start()
    await asyncio.to_thread(server.stop)
    try:
        for call in (db.ping(), db.one(BY_ID, {"id": 1}), db.write(adding(1))):
            with pytest.raises(Unavailable):
                await call
    finally:
        await asyncio.to_thread(server.start)
        await db.stop()


async def test_a_server_that_is_not_there(server: Postgres):
    db = PostgresDatabase("postgresql://postgres@127.0.0.1:1/none", patience=0.1)
    with pytest.raises(Unavailable):
        await db.start()
    await db.stop()


async def test_callers_wait_their_turn_for_a_connection(server: Postgres):
    db = PostgresDatabase(server.create_database(), min_size=1, max_size=2)
    await db.start()
    await db.write(CREATE)
    writes = [asyncio.ensure_future(db.write(adding(number))) for number in range(50)]
    await asyncio.sleep(0)
    for write in writes[1::3]:
        write.cancel()
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    kept = {found["id"] for found in await db.all(ALL)}
    assert {number for number, found in enumerate(outcomes) if found == number} <= kept
    assert await db.write(adding(100)) == 100
    await db.stop()


async def test_notifications_go_on_after_a_loss(server: Postgres, db: PostgresDatabase):
    heard: asyncio.Queue[str | None] = asyncio.Queue()
    db.listen("news", heard.put_nowait)
    assert await heard.get() is None  # listening from here on
    await db.publish("news", "one")

    async def body(tx: Tx) -> None:
        await db.notify(tx, "news", "two")

    await db.write(body)
    assert [await heard.get(), await heard.get()] == ["one", "two"]
    await asyncio.to_thread(server.stop, signal.SIGQUIT)
    await asyncio.to_thread(server.start)
    async with asyncio.timeout(30):
        assert await heard.get() is None  # read again: something may have been missed
        await db.publish("news", "three")
        assert await heard.get() == "three"
