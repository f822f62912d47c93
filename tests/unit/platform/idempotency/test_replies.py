"""Kept answers grow old, and claims of dead processes are taken over."""

from __future__ import annotations

import pytest
from sqlalchemy import bindparam, func, select, update

from lemnos.kernel import clock
from lemnos.kernel.context import Context
from lemnos.platform.db import Database, Query, Tx
from lemnos.platform.execute import Once, Reply
from lemnos.platform.idempotency import IdempotencyKeyReused, Replies, RequestInFlight
from lemnos.platform.idempotency.model import scope_of
from lemnos.platform.idempotency.replies import KEEP, RESERVED
from lemnos.platform.idempotency.tables import idempotency_keys as table

ONCE = Once("key-1", "POST /create-pr", b"digest")
COUNT = Query(select(func.count()).select_from(table))
AGE = Query(
    update(table)
    .where(table.c.scope == bindparam("scope_"))
    .values(created_at=table.c.created_at - bindparam("by"))
)


@pytest.fixture
def replies(database: Database) -> Replies:
    return Replies(database)


async def make_older(db: Database, ctx: Context, once: Once, by: int) -> None:
    async def body(tx: Tx) -> None:
        assert await tx.run(AGE, {"scope_": scope_of(ctx, once), "by": by}) == 1

    await db.write(body)


async def count(db: Database) -> int:
    row = await db.one(COUNT)
    assert row is not None
    return int(row[0])


async def keep(db: Database, replies: Replies, ctx: Context, number: int) -> Once:
    once = Once(f"key-{number}", "POST /tasks", b"digest")

    async def body(tx: Tx) -> None:
        tx.defer(*replies.keep(ctx, once, Reply(201, b"made")))

    await db.write(body)
    return once


async def test_only_answers_older_than_a_day_are_forgotten(
    database: Database, replies: Replies, ctx: Context
):
    kept = [await keep(database, replies, ctx, number) for number in range(3)]
    await make_older(database, ctx, kept[0], KEEP + clock.SECOND)
    await make_older(database, ctx, kept[1], KEEP - 60 * clock.SECOND)

    assert await replies.prune() == 1
    assert await replies.find(ctx, kept[0]) is None
    assert await replies.find(ctx, kept[1]) is not None
    assert await replies.find(ctx, kept[2]) is not None


async def test_more_rows_than_one_statement_takes_are_forgotten(
    database: Database, replies: Replies, ctx: Context
):
    insert = replies.keep(ctx, ONCE, Reply(201, b"made"))
    old = clock.now() - KEEP - clock.SECOND
    rows = [
        {**insert[1], "scope": bytes([n // 256, n % 256]), "created_at": old} for n in range(2001)
    ]

    async def body(tx: Tx) -> None:
        await tx.many(insert[0], rows)

    await database.write(body)
    assert await replies.prune() == 2001
    assert await count(database) == 0


async def test_a_claim_is_refused_to_others_until_its_process_is_taken_for_dead(
    database: Database, replies: Replies, ctx: Context
):
    assert await replies.reserve(ctx, ONCE) is None
    await make_older(database, ctx, ONCE, RESERVED - 60 * clock.SECOND)
    with pytest.raises(RequestInFlight):
        await replies.reserve(ctx, ONCE)

    await make_older(database, ctx, ONCE, 120 * clock.SECOND)
    assert await replies.reserve(ctx, ONCE) is None
    with pytest.raises(RequestInFlight):  # it is the second one's now
        await replies.reserve(ctx, ONCE)


async def test_another_body_does_not_take_a_claim_over(
    database: Database, replies: Replies, ctx: Context
):
    assert await replies.reserve(ctx, ONCE) is None
    await make_older(database, ctx, ONCE, 2 * RESERVED)
    with pytest.raises(IdempotencyKeyReused):
        await replies.reserve(ctx, Once(ONCE.key, ONCE.operation, b"other"))


async def test_a_claim_that_was_answered_is_not_released(replies: Replies, ctx: Context):
    assert await replies.reserve(ctx, ONCE) is None
    await replies.complete(ctx, ONCE, Reply(200, b"opened", (("etag", "1"),)))
    await replies.release(ctx, ONCE)
    expected = Reply(200, b"opened", (("etag", "1"),), replayed=True)
    assert await replies.reserve(ctx, ONCE) == expected
    assert await replies.find(ctx, ONCE) == expected
