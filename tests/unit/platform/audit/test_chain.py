"""The chain tells of every entry that was removed, changed or moved."""

from __future__ import annotations

import asyncio
import hashlib
import json

import pytest
from sqlalchemy import text

from lemnos.kernel.context import Context, Principal
from lemnos.platform.audit import AuditLog, Head, Sealer
from lemnos.platform.db import Database, Query, Tx
from lemnos.platform.db.errors import DatabaseUnavailable
from tests.unit.platform.stores import opened

ACME = "acme"


async def write(db: Database, audit: AuditLog, ctx: Context, count: int, action: str = "a") -> None:
    async def body(tx: Tx) -> None:
        for number in range(count):
            await tx.run(*audit.entry(ctx, action, f"target-{number}", {"n": number}))

    await db.write(body)


async def tamper(db: Database, *statements: str) -> None:
    async def body(tx: Tx) -> None:
        for statement in statements:
            assert await tx.run(Query(text(statement))) > 0

    await db.write(body)


@pytest.fixture
async def sealed(database: Database, audit: AuditLog, ctx: Context) -> AuditLog:
    """A chain of ten entries."""
    await write(database, audit, ctx, 10)
    assert await Sealer(database, audit).seal_all() == 10
    return audit


async def test_an_untouched_chain_is_intact(sealed: AuditLog):
    verdict = await sealed.verify(ACME)
    assert verdict.intact
    assert (verdict.checked, verdict.unsealed) == (10, 0)
    assert verdict.head == await sealed.head(ACME)
    entries = await sealed.entries(ACME)
    assert [entry.seq for entry in entries] == list(range(1, 11))
    assert [entry.seq for entry in await sealed.entries(ACME, after=7, limit=2)] == [8, 9]


async def test_the_hash_can_be_computed_by_anyone(
    database: Database, audit: AuditLog, ctx: Context
):
    unusual = 'tab\t quote" \\ ünï 雪'
    await write(database, audit, ctx, 1, unusual)
    await Sealer(database, audit).seal_all()
    (entry,) = await audit.entries(ACME)
    fields = [
        "0" * 64, ACME, 1, entry.ts, "ada", unusual, "target-0", "req-1", "192.0.2.1", "ok",
        '{"n":0}',
    ]  # fmt: skip
    encoded = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    assert entry.hash == hashlib.sha256(encoded).hexdigest()


@pytest.mark.parametrize(
    "column", ["ts", "actor", "action", "target", "request_id", "remote", "outcome", "detail"]
)
async def test_a_changed_entry_is_named(sealed: AuditLog, database: Database, column: str):
    value = "1" if column == "ts" else "'forged'"
    await tamper(database, f"UPDATE audit_entries SET {column} = {value} WHERE seq = 4")
    verdict = await sealed.verify(ACME)
    assert (verdict.broken_seq, verdict.fault, verdict.checked) == (4, "changed", 3)


async def test_a_removed_entry_is_named(sealed: AuditLog, database: Database):
    await tamper(database, "DELETE FROM audit_entries WHERE seq = 4")
    verdict = await sealed.verify(ACME)
    assert (verdict.broken_seq, verdict.fault) == (4, "removed")


async def test_the_last_entries_cannot_be_cut_off(sealed: AuditLog, database: Database):
    await tamper(database, "DELETE FROM audit_entries WHERE seq > 8")
    verdict = await sealed.verify(ACME)
    assert (verdict.broken_seq, verdict.fault) == (9, "removed")


async def test_swapped_entries_are_named(sealed: AuditLog, database: Database):
    await tamper(
        database,
        "UPDATE audit_entries SET seq = 99 WHERE seq = 4",
        "UPDATE audit_entries SET seq = 4 WHERE seq = 5",
        "UPDATE audit_entries SET seq = 5 WHERE seq = 99",
    )
    verdict = await sealed.verify(ACME)
    assert (verdict.broken_seq, verdict.fault) == (4, "reordered")


async def test_a_head_that_was_moved_back_does_not_hide_entries(
    sealed: AuditLog, database: Database
):
    (fifth,) = await sealed.entries(ACME, after=4, limit=1)
    await tamper(database, f"UPDATE audit_heads SET seq = 5, hash = '{fifth.hash}'")
    verdict = await sealed.verify(ACME)
    assert (verdict.broken_seq, verdict.fault) == (6, "head")


async def test_a_removed_head_does_not_hide_entries(sealed: AuditLog, database: Database):
    await tamper(database, "DELETE FROM audit_heads")
    verdict = await sealed.verify(ACME)
    assert (verdict.broken_seq, verdict.fault) == (1, "head")


async def test_an_anchor_unmasks_a_chain_computed_anew(
    sealed: AuditLog, database: Database, audit: AuditLog
):
    anchor = await audit.head(ACME)
    await tamper(
        database,
        "UPDATE audit_entries SET actor = 'someone else' WHERE seq = 2",
        "UPDATE audit_entries SET seq = NULL",
        "DELETE FROM audit_heads",
    )
    await Sealer(database, audit).seal_all()

    assert (await audit.verify(ACME)).intact  # consistent in itself
    verdict = await audit.verify(ACME, anchor)
    assert (verdict.broken_seq, verdict.fault) == (10, "head")


async def test_an_anchor_unmasks_a_shorter_chain(sealed: AuditLog, database: Database):
    anchor = await sealed.head(ACME)
    (eighth,) = await sealed.entries(ACME, after=7, limit=1)
    await tamper(
        database,
        "DELETE FROM audit_entries WHERE seq > 8",
        f"UPDATE audit_heads SET seq = 8, hash = '{eighth.hash}'",
    )
    assert (await sealed.verify(ACME)).intact
    verdict = await sealed.verify(ACME, anchor)
    assert (verdict.broken_seq, verdict.fault) == (9, "removed")


async def test_an_older_anchor_holds_for_a_chain_that_grew(
    sealed: AuditLog, database: Database, ctx: Context
):
    anchor = await sealed.head(ACME)
    await write(database, sealed, ctx, 3)
    await Sealer(database, sealed).seal_all()
    assert (await sealed.verify(ACME, anchor)).intact
    forged = Head(ACME, 5, "f" * 64)
    assert (await sealed.verify(ACME, forged)).broken_seq == 5


async def test_tenants_have_chains_of_their_own(database: Database, audit: AuditLog, ctx: Context):
    other = Context(Principal("other", "bob"), "req-2")
    for _ in range(3):
        await write(database, audit, ctx, 2)
        await write(database, audit, other, 1)
    await Sealer(database, audit).seal_all()
    await tamper(database, "UPDATE audit_entries SET actor = 'x' WHERE tenant = 'other'")

    assert (await audit.verify(ACME)).checked == 6
    assert (await audit.verify("other")).broken_seq == 1
    assert (await audit.verify("nobody")).intact
    assert {entry.tenant for entry in await audit.entries(ACME)} == {ACME}


async def test_more_entries_than_one_batch_takes(database: Database, audit: AuditLog, ctx: Context):
    await write(database, audit, ctx, 1203)
    assert (await audit.verify(ACME)).unsealed == 1203
    assert await Sealer(database, audit).seal_all() == 1203
    assert (await audit.verify(ACME)).checked == 1203


async def test_entries_left_by_a_crash_are_sealed_at_the_next_start(
    database: Database, audit: AuditLog, ctx: Context
):
    await write(database, audit, ctx, 5)  # the process ends here, its sealer never ran
    sealer = Sealer(database, AuditLog(database))
    await sealer.start()
    await sealer.stop()
    assert (await audit.verify(ACME)).checked == 5


async def test_the_sealer_hears_of_new_entries(database: Database, audit: AuditLog, ctx: Context):
    sealer = Sealer(database, audit)
    await sealer.start()
    try:
        await audit.note_refusal(ctx, "POST /tasks", "forbidden")
        async with asyncio.timeout(4):  # well before the sweep
            while (await audit.head(ACME)).seq == 0:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.02)
    finally:
        await sealer.stop()


async def test_the_sealer_outlives_a_database_that_is_away(
    database: Database, audit: AuditLog, ctx: Context, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("lemnos.platform.audit.sealer._SWEEP", 0.02)
    monkeypatch.setattr("lemnos.platform.audit.sealer._PAUSE", 0.0)
    sealer = Sealer(database, audit)
    await sealer.start()
    seal_all, failed = sealer.seal_all, asyncio.Event()
    failures = iter([DatabaseUnavailable("away"), RuntimeError("a defect")])

    async def failing() -> int:
        if (failure := next(failures, None)) is not None:
            raise failure
        failed.set()
        return await seal_all()

    monkeypatch.setattr(sealer, "seal_all", failing)
    await write(database, audit, ctx, 1)
    async with asyncio.timeout(10):
        await failed.wait()
    await sealer.stop()
    assert (await audit.verify(ACME)).checked == 1


async def test_two_processes_do_not_fork_the_chain(
    database_url: str, database: Database, audit: AuditLog, ctx: Context
):
    async with opened(database_url, beside=True) as other:
        nodes = [(database, audit), (other, AuditLog(other))]
        sealers = [Sealer(*node) for node in nodes]

        async def work(number: int) -> None:
            await write(*nodes[number % 2], ctx, 7)
            await sealers[number % 2].seal_all()

        await asyncio.gather(*(work(number) for number in range(30)))
    verdict = await audit.verify(ACME)
    assert verdict.intact
    assert (verdict.checked, verdict.unsealed) == (210, 0)


async def test_refusals_are_written_down_within_bounds(
    database: Database, audit: AuditLog, ctx: Context
):
    for number in range(200):
        await audit.note_refusal(ctx, f"POST /tasks/{number}", "forbidden")
    await Sealer(database, audit).seal_all()
    entries = await audit.entries(ACME, limit=300)
    assert 10 <= len(entries) <= 12  # ten at once, and what the rate gives meanwhile
    assert (entries[0].action, entries[0].target) == ("request.refused", "POST /tasks/0")
    assert entries[0].outcome == "forbidden"

    from_elsewhere = Context(ctx.principal, "req-2", remote="192.0.2.2")
    await audit.note_refusal(from_elsewhere, "DELETE /tasks/1\0\ud800", "forbidden")
    await Sealer(database, audit).seal_all()
    (last,) = await audit.entries(ACME, after=len(entries))
    left_out = sum(json.loads(e.detail).get("left_out", 0) for e in (*entries, last))
    assert left_out == 200 - len(entries)
    assert last.target == "DELETE /tasks/1\ufffd\ufffd"


async def test_many_addresses_cannot_fill_the_disk(
    database: Database, audit: AuditLog, ctx: Context
):
    for number in range(300):
        attacker = Context(ctx.principal, "req", remote=f"198.51.100.{number}")
        await audit.note_refusal(attacker, "POST /tasks", "unauthenticated")
    assert 60 <= await Sealer(database, audit).seal_all() <= 70
