"""The statements on jobs and leases, where races are decided. On SQLite; nodes are only names."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from lemnos.engine import Job, store
from lemnos.engine.model import Claim
from lemnos.kernel import clock
from lemnos.platform.db import Query

BOARD = store.Board(["default", "other"], ["k"])


async def insert(db, *names: str, queue: str = "default", kind: str = "k", **values) -> None:
    async def body(tx):
        for name in names:
            await store.insert_job(tx, Job(name, kind, "t", **values), queue, clock.now())

    await db.write(body)


async def claim(db, node: str, count: int = 10) -> list[Claim]:
    claims: list[Claim] = await db.write(
        lambda tx: BOARD.claim(tx, "default", node, count, clock.now())
    )
    return claims


async def states(db) -> dict[str, str]:
    return {
        row["id"]: row["state"] for row in await db.all(Query(text("SELECT id, state FROM jobs")))
    }


async def test_a_job_is_claimed_once(db):
    await insert(db, "1", "2", "3")
    assert [claim.job.id for claim in await claim(db, "a", 2)] == ["1", "2"]
    assert [claim.job.id for claim in await claim(db, "b")] == ["3"]
    assert await claim(db, "a") == []


async def test_a_node_without_a_lease_gets_nothing(db):
    await insert(db, "1")
    assert await claim(db, "stranger") == []
    assert await states(db) == {"1": "queued"}


async def test_only_known_kinds_and_the_asked_queue_are_claimed(db):
    await insert(db, "unknown", kind="new")
    await insert(db, "elsewhere", queue="other")
    assert await claim(db, "a") == []
    assert BOARD.seen(await db.one(BOARD.look)) == (None, ["other"])


async def test_the_board_shows_when_the_next_delayed_job_is_due(db):
    due = clock.now() + clock.SECOND
    await insert(db, "1", run_at=due + 1)
    await insert(db, "2", run_at=due)
    assert BOARD.seen(await db.one(BOARD.look)) == (due, [])
    await db.write(lambda tx: store.promote_due(tx, due))
    assert await states(db) == {"1": "delayed", "2": "queued"}


@pytest.mark.parametrize(
    "write",
    [
        store.owned,
        lambda tx, held: store.set_done(tx, held, 1),
        lambda tx, held: store.set_failed(tx, held, "no", 1),
        lambda tx, held: store.set_retry(tx, held, "no", 1),
    ],
)
async def test_a_void_claim_changes_nothing(db, write):
    await insert(db, "1")
    [old] = await claim(db, "a")
    await db.write(lambda tx: store.leave(tx, "a"))
    assert not await db.write(lambda tx: write(tx, old))
    [new] = await claim(db, "b")
    assert (new.epoch, new.cut_off) == (2, True)
    assert not await db.write(lambda tx: write(tx, old))
    assert await states(db) == {"1": "running"}
    assert await db.write(lambda tx: write(tx, new))


async def test_the_same_node_cannot_use_a_claim_from_before_it_lost_the_job(db):
    await insert(db, "1")
    [old] = await claim(db, "a")
    await db.write(lambda tx: store.release(tx, old))
    [new] = await claim(db, "a")
    assert not await db.write(lambda tx: store.owned(tx, old))
    assert await db.write(lambda tx: store.owned(tx, new))


async def test_a_restart_takes_back_what_the_same_name_was_doing_and_no_more(db):
    await insert(db, "1", "2")
    await claim(db, "a", 1)
    await claim(db, "b", 1)
    await db.write(lambda tx: store.join(tx, "a-again", "a", 2, first=True))
    assert await states(db) == {"1": "queued", "2": "running"}
    assert not await db.write(lambda tx: store.beat(tx, "a"))
    assert await db.write(lambda tx: store.beat(tx, "a-again"))


async def test_claims_whose_commit_was_not_acknowledged_are_given_back(db):
    await insert(db, "1", "2")
    first, _lost = await claim(db, "a")
    await db.write(lambda tx: store.release_strays(tx, "a", {first.job.id: first.epoch}))
    assert await states(db) == {"1": "running", "2": "queued"}


async def test_ten_thousand_waiting_jobs_are_claimed_by_index(db):
    plans = []
    for query in (BOARD.look, BOARD._claim):
        compiled = query.compiled("sqlite")
        params = compiled.values({"queue": "q", "node": "a", "count": 1, "now": 1})
        connection = db._reader
        rows = connection.execute(f"EXPLAIN QUERY PLAN {compiled.sql}", params)
        plans += [row["detail"] for row in rows]
    assert [plan for plan in plans if "ix_jobs_ready" in plan]
    assert not [plan for plan in plans if plan == "SCAN jobs" or "TEMP B-TREE" in plan], plans
