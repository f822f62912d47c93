"""What a transaction promises, on each database."""

from __future__ import annotations

import asyncio

import pytest

from lemnos.kernel.errors import NotFound, Unavailable
from lemnos.platform.db import Database, Tx, UniqueViolation
from tests.conformance.database.things import ALL, BY_ID, GROW, INSERT, LOCKED, adding, row


async def ids(db: Database) -> list[int]:
    return [found["id"] for found in await db.all(ALL)]


async def test_a_body_that_raises_leaves_nothing_and_its_error_arrives(db: Database):
    async def body(tx: Tx) -> None:
        await tx.run(INSERT, row(1))
        tx.defer(INSERT, row(2))
        raise NotFound("gone")

    with pytest.raises(NotFound, match="gone"):
        await db.write(body)
    assert await ids(db) == []


async def test_what_is_deferred_is_written_with_the_rest(db: Database):
    async def only_deferred(tx: Tx) -> str:
        for number in range(3):
            tx.defer(INSERT, row(number))
        assert await tx.all(ALL) == []
        return "done"

    async def mixed(tx: Tx) -> None:
        tx.defer(INSERT, row(10))
        await tx.run(INSERT, row(11))

    assert await db.write(only_deferred) == "done"
    await db.write(mixed)
    assert await ids(db) == [0, 1, 2, 10, 11]


async def test_what_was_deferred_fails_the_whole(db: Database):
    await db.write(adding(1))

    async def alone(tx: Tx) -> None:
        tx.defer(INSERT, row(2))
        tx.defer(INSERT, row(1))

    async def with_more(tx: Tx) -> None:
        await tx.run(INSERT, row(3))
        tx.defer(INSERT, row(1))

    for body in (alone, with_more):
        with pytest.raises(UniqueViolation):
            await db.write(body)
    assert await ids(db) == [1]


async def test_after_an_error_the_transaction_is_over(db: Database):
    await db.write(adding(1))

    async def goes_on(tx: Tx) -> None:
        with pytest.raises(UniqueViolation):
            await tx.run(INSERT, row(1))
        with pytest.raises(UniqueViolation):
            await tx.run(INSERT, row(2))

    async def hides(tx: Tx) -> None:
        await tx.run(INSERT, row(3))
        with pytest.raises(UniqueViolation):
            await tx.run(INSERT, row(1))

    async def renames(tx: Tx) -> None:
        try:
            await tx.run(INSERT, row(1))
        except UniqueViolation as error:
            raise NotFound("in other words") from error

    for body, expected in (
        (goes_on, UniqueViolation),
        (hides, UniqueViolation),
        (renames, NotFound),
    ):
        with pytest.raises(expected):
            await db.write(body)
    assert await ids(db) == [1]


async def test_callbacks_come_after_the_commit_and_only_then(db: Database):
    seen: list[str] = []

    def fails_itself() -> None:
        raise ZeroDivisionError

    async def commits(tx: Tx) -> None:
        tx.after_commit(lambda: seen.append("first"))
        tx.after_commit(fails_itself)
        tx.after_commit(lambda: seen.append("second"))
        await tx.run(INSERT, row(1))
        assert seen == []

    async def fails(tx: Tx) -> None:
        tx.after_commit(lambda: seen.append("never"))
        await tx.run(INSERT, row(1))

    await db.write(commits)
    with pytest.raises(UniqueViolation):
        await db.write(fails)
    assert seen == ["first", "second"]


async def test_concurrent_increments_are_all_counted(db: Database):
    await db.write(adding(1))

    async def grow(tx: Tx) -> None:
        await tx.run(GROW, {"of": 1})

    await asyncio.gather(*(db.write(grow) for _ in range(100)))
    found = await db.one(BY_ID, {"id": 1})
    assert found is not None
    assert found["size"] == 100.0


async def test_crossing_locks_are_resolved_by_running_again(db: Database):
    """On PostgreSQL these pairs deadlock unless retried; SQLite runs them one by one."""
    await db.write(adding(1))
    await db.write(adding(2))

    def crossing(first: int, second: int):
        async def body(tx: Tx) -> None:
            await tx.one(LOCKED, {"id": first})
            await tx.run(GROW, {"of": first})
            await tx.run(GROW, {"of": second})

        return body

    await asyncio.gather(*(db.write(crossing(*p)) for p in [(1, 2), (2, 1)] * 2))
    assert [found["size"] for found in await db.all(ALL)] == [4.0, 4.0]


async def test_a_cancelled_caller_leaves_the_others_alone(db: Database):
    writes = [asyncio.ensure_future(db.write(adding(number))) for number in range(60)]
    await asyncio.sleep(0)
    for write in writes[::2]:
        write.cancel()
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    acknowledged = {number for number, outcome in enumerate(outcomes) if outcome == number}
    assert acknowledged >= set(range(1, 60, 2))
    assert acknowledged <= set(await ids(db))
    await db.write(adding(100))


async def test_a_closed_database_says_so(db: Database):
    await db.stop()
    with pytest.raises(Unavailable):
        await db.one(BY_ID, {"id": 1})
    with pytest.raises(Unavailable):
        await db.write(adding(1))


async def test_stop_lets_what_was_accepted_end(db: Database):
    writes = [asyncio.ensure_future(db.write(adding(number))) for number in range(10)]
    for _ in range(3):
        await asyncio.sleep(0)
    await db.stop()
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    # Those that were still waiting for a connection may be refused; none is left in doubt.
    assert 0 in outcomes
    assert all(isinstance(outcome, int | Unavailable) for outcome in outcomes)
