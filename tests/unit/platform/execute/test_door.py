"""One transaction for work, audit entry and kept answer; one effect for one key."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import bindparam, func, insert, select

from lemnos.kernel import ids
from lemnos.kernel.context import Context, Principal
from lemnos.kernel.errors import Conflict
from lemnos.platform.audit import AuditLog, Sealer
from lemnos.platform.audit.tables import audit_heads
from lemnos.platform.db import Database, Query, Tx
from lemnos.platform.execute import Door, Once, Reply
from lemnos.platform.idempotency import IdempotencyKeyReused, RequestInFlight
from lemnos.platform.idempotency.tables import idempotency_keys
from tests.unit.platform.stores import opened

# Any table will do for an effect: a head of a chain that nobody has.
EFFECT = Query(insert(audit_heads).values(tenant=bindparam("name"), seq=0, hash=""))
EFFECTS = Query(select(func.count()).select_from(audit_heads).where(audit_heads.c.seq == 0))
KEPT = Query(select(idempotency_keys))
ONCE = Once("key-1", "POST /tasks", b"digest")


async def work(tx: Tx) -> str:
    """Leave an effect with a name of its own."""
    name = ids.new_id("effect")
    await tx.run(EFFECT, {"name": name})
    return name


def present(name: str) -> Reply:
    return Reply(201, name.encode(), (("location", f"/{name}"),))


async def effects(db: Database) -> int:
    row = await db.one(EFFECTS)
    assert row is not None
    return int(row[0])


async def actions(db: Database, audit: AuditLog) -> list[tuple[str, str]]:
    await Sealer(db, audit).seal_all()
    return [(entry.action, entry.target) for entry in await audit.entries("acme")]


async def test_work_and_its_entry_commit_together(
    door: Door, database: Database, audit: AuditLog, ctx: Context
):
    name = await door.do(ctx, "tasks.create", work, target=str, detail={"repo": "r"})

    assert await effects(database) == 1
    await Sealer(database, audit).seal_all()
    (entry,) = await audit.entries("acme")
    assert (entry.actor, entry.action, entry.target) == ("ada", "tasks.create", name)
    assert (entry.request_id, entry.remote, entry.outcome) == ("req-1", "192.0.2.1", "ok")
    assert entry.detail == '{"repo":"r"}'


async def test_failed_work_leaves_nothing(
    door: Door, database: Database, audit: AuditLog, ctx: Context
):
    async def failing(tx: Tx) -> None:
        await work(tx)
        raise Conflict("busy")

    with pytest.raises(Conflict, match="busy"):
        await door.do(ctx, "tasks.create", failing)
    with pytest.raises(Conflict, match="busy"):
        await door.reply(ctx, "tasks.create", failing, lambda _: Reply(201, b""), once=ONCE)
    assert await effects(database) == 0
    assert await actions(database, audit) == []

    # ... and the key is free for another try.
    assert not (await door.reply(ctx, "tasks.create", work, present, once=ONCE)).replayed


async def test_a_result_that_cannot_be_presented_leaves_nothing(
    door: Door, database: Database, ctx: Context
):
    def broken(name: str) -> Reply:
        raise ValueError("no such field")

    with pytest.raises(ValueError, match="no such field"):
        await door.reply(ctx, "tasks.create", work, broken, once=ONCE)
    assert await effects(database) == 0


async def test_the_same_request_gets_the_same_answer(
    door: Door, database: Database, audit: AuditLog, ctx: Context
):
    first = await door.reply(ctx, "tasks.create", work, present, once=ONCE, target=str)
    second = await door.reply(ctx, "tasks.create", work, present, once=ONCE, target=str)

    assert (second.status, second.body, second.headers) == (201, first.body, first.headers)
    assert (first.replayed, second.replayed) == (False, True)
    assert await effects(database) == 1
    assert await actions(database, audit) == [("tasks.create", first.body.decode())]


async def test_an_answer_stands_although_the_work_would_now_be_refused(door: Door, ctx: Context):
    state = {"cancelled": False}

    async def cancel(tx: Tx) -> str:
        if state["cancelled"]:
            raise Conflict("already cancelled")
        tx.after_commit(lambda: state.update(cancelled=True))
        return await work(tx)

    first = await door.reply(ctx, "tasks.cancel", cancel, present, once=ONCE)
    second = await door.reply(ctx, "tasks.cancel", cancel, present, once=ONCE)
    assert second.replayed
    assert second.body == first.body


async def test_fifty_at_once_have_one_effect(
    door: Door, database: Database, audit: AuditLog, ctx: Context
):
    requests = (door.reply(ctx, "tasks.create", work, present, once=ONCE) for _ in range(50))
    answers = await asyncio.gather(*requests)

    assert len({answer.body for answer in answers}) == 1
    assert [answer.replayed for answer in answers].count(False) == 1
    assert await effects(database) == 1
    assert len(await actions(database, audit)) == 1


async def test_two_processes_have_one_effect(database_url: str, database: Database, ctx: Context):
    async with opened(database_url, beside=True) as other:
        doors = [Door(db, AuditLog(db)) for db in (database, other)]
        requests = (
            doors[n % 2].reply(ctx, "tasks.create", work, present, once=ONCE) for n in range(20)
        )
        answers = await asyncio.gather(*requests)
    assert len({answer.body for answer in answers}) == 1
    assert await effects(database) == 1


async def test_another_body_under_the_same_key_is_refused(
    door: Door, database: Database, ctx: Context
):
    await door.reply(ctx, "tasks.create", work, present, once=ONCE)
    other = Once(ONCE.key, ONCE.operation, b"another digest")
    with pytest.raises(IdempotencyKeyReused) as refused:
        await door.reply(ctx, "tasks.create", work, present, once=other)
    assert refused.value.code == "idempotency_key_reused"
    assert await effects(database) == 1


async def test_a_key_counts_for_one_caller_and_one_operation(
    door: Door, database: Database, ctx: Context
):
    def of(tenant: str, subject: str) -> Context:
        return Context(Principal(tenant, subject), "req-2")

    for caller, once in (
        (ctx, ONCE),
        (of("acme", "bob"), ONCE),
        (of("other", "ada"), ONCE),
        (ctx, Once(ONCE.key, "POST /tasks/1/cancel", ONCE.digest)),
    ):
        answer = await door.reply(caller, "tasks.create", work, present, once=once)
        assert not answer.replayed
    assert await effects(database) == 4


async def test_an_answer_with_a_secret_is_kept_sealed(door: Door, database: Database, ctx: Context):
    def with_secret(_: str) -> Reply:
        return Reply(201, b'{"key":"lk_secret"}', confidential=True)

    await door.reply(ctx, "keys.create", work, with_secret, once=ONCE)
    row = await database.one(KEPT)
    assert row is not None
    assert b"lk_secret" not in row["body"]

    again = await door.reply(ctx, "keys.create", work, with_secret, once=ONCE)
    assert again.body == b'{"key":"lk_secret"}'
    assert again.replayed


async def test_without_a_vault_an_answer_with_a_secret_is_given_once(
    database: Database, audit: AuditLog, ctx: Context
):
    door = Door(database, audit)

    def with_secret(_: str) -> Reply:
        return Reply(201, b"secret", confidential=True)

    await door.reply(ctx, "keys.create", work, with_secret, once=ONCE)
    with pytest.raises(Conflict, match="shown once"):
        await door.reply(ctx, "keys.create", work, with_secret, once=ONCE)
    assert await effects(database) == 1


class TestSlowly:
    """Work that does not fit in one transaction."""

    async def test_the_second_is_refused_until_the_first_is_answered(
        self, door: Door, ctx: Context
    ):
        going, finish = asyncio.Event(), asyncio.Event()

        async def opening() -> Reply:
            going.set()
            await finish.wait()
            return Reply(200, b"opened")

        first = asyncio.create_task(door.reply_slowly(ctx, opening, once=ONCE))
        await going.wait()
        with pytest.raises(RequestInFlight) as refused:
            await door.reply_slowly(ctx, opening, once=ONCE)
        assert refused.value.retry_after
        finish.set()
        assert await first == Reply(200, b"opened")
        assert await door.reply_slowly(ctx, opening, once=ONCE) == Reply(
            200, b"opened", replayed=True
        )

    async def test_of_fifty_at_once_one_works(self, door: Door, ctx: Context):
        runs = 0

        async def opening() -> Reply:
            nonlocal runs
            runs += 1
            return Reply(200, b"opened")

        requests = (door.reply_slowly(ctx, opening, once=ONCE) for _ in range(50))
        ends = await asyncio.gather(*requests, return_exceptions=True)
        assert runs == 1
        assert all(
            isinstance(end, RequestInFlight) or (isinstance(end, Reply) and end.body == b"opened")
            for end in ends
        )

    @pytest.mark.parametrize("error", [Conflict("no"), asyncio.CancelledError()])
    async def test_failed_work_frees_the_key(self, door: Door, ctx: Context, error: BaseException):
        async def failing() -> Reply:
            raise error

        async def working() -> Reply:
            return Reply(200, b"opened")

        with pytest.raises(type(error)):
            await door.reply_slowly(ctx, failing, once=ONCE)
        assert not (await door.reply_slowly(ctx, working, once=ONCE)).replayed

    async def test_without_a_key_it_is_just_done(self, door: Door, ctx: Context):
        async def opening() -> Reply:
            return Reply(200, b"opened")

        assert await door.reply_slowly(ctx, opening) == Reply(200, b"opened")
