"""Statements do the same on each database."""

from __future__ import annotations

import pytest

from lemnos.platform.db import Database, IntegrityViolation, Tx, UniqueViolation
from tests.conformance.database.things import (
    ALL,
    BY_ID,
    DELETE,
    INSERT,
    INSERT_PART,
    LOCKED,
    RENAME,
    RENAMED,
    adding,
    row,
)


async def test_values_come_back_as_they_went_in(db: Database):
    values = row(2**62, "naïve ☃ 'quoted' $1 ?", 0.1, bytes(range(256)))

    async def body(tx: Tx) -> None:
        await tx.run(INSERT, values)

    await db.write(body)
    found = await db.one(BY_ID, {"id": 2**62})
    assert found is not None
    assert {name: found[name] for name in values} == values
    assert found[1] == values["name"]
    assert [dict(found) for found in await db.scan(ALL)] == [values]


async def test_one_row_or_none(db: Database):
    assert await db.one(BY_ID, {"id": 1}) is None
    assert await db.all(ALL) == []


async def test_run_counts_the_changed_rows(db: Database):
    async def body(tx: Tx) -> list[int]:
        counts = [await tx.run(INSERT, row(1)), await tx.run(INSERT, row(2))]
        counts.append(await tx.run(RENAME, {"of": 1, "name": "other"}))
        counts.append(await tx.run(RENAME, {"of": 9, "name": "other"}))
        counts.append(await tx.run(DELETE, {"of": 2}))
        return counts

    assert await db.write(body) == [1, 1, 1, 0, 1]


async def test_a_transaction_reads_what_it_wrote(db: Database):
    async def body(tx: Tx) -> tuple[str, str, int]:
        await tx.many(INSERT, [row(number) for number in range(5)])
        renamed = await tx.one(RENAMED, {"of": 3, "name": "new"})
        locked = await tx.one(LOCKED, {"id": 3})
        assert renamed is not None
        assert locked is not None
        return renamed["name"], locked["name"], len(await tx.all(ALL))

    assert await db.write(body) == ("new", "new", 5)


async def test_a_batch_runs_every_statement(db: Database):
    async def body(tx: Tx) -> None:
        await tx.batch([(INSERT, row(number, f"n{number}")) for number in range(40)])
        await tx.batch([(RENAME, {"of": 3, "name": "a"}), (DELETE, {"of": 4})])
        await tx.batch([])

    await db.write(body)
    rows = await db.all(ALL)
    assert len(rows) == 39
    assert rows[3]["name"] == "a"


async def test_a_batch_may_hold_a_row_and_one_that_refers_to_it(db: Database):
    async def body(tx: Tx) -> None:
        await tx.batch([(INSERT, row(1)), (INSERT_PART, {"id": 1, "thing": 1})])

    await db.write(body)
    with pytest.raises(IntegrityViolation):
        await db.write(orphan)


async def orphan(tx: Tx) -> None:
    await tx.run(INSERT_PART, {"id": 2, "thing": 99})


async def test_violations_are_told_apart(db: Database):
    await db.write(adding(1))
    with pytest.raises(UniqueViolation):
        await db.write(adding(1))
    with pytest.raises(IntegrityViolation):
        await db.write(adding(2, None))


async def test_a_missing_parameter_is_a_key_error(db: Database):
    with pytest.raises(KeyError):
        await db.one(BY_ID, {})


async def test_ping(db: Database):
    await db.ping()
