"""What is accepted runs, once, in order; what is withdrawn does not."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from sqlalchemy import text

from lemnos.engine import Job, QueueLimits, Steps
from lemnos.kernel import clock
from lemnos.platform.db import Query
from tests.conformance.engine.place import enqueue, row, running, until, until_true

ONE = [QueueLimits("default", 1)]


class Recorder:
    """A handler that notes which jobs it saw."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, steps: Steps) -> None:
        self.seen.append(steps.job.id)


async def test_a_job_runs_with_its_payload(place, database):
    seen: list[Job] = []

    async def handler(steps: Steps) -> None:
        assert await steps.run("double", lambda: doubled(steps.job)) == {"twice": 42}
        assert not steps.recovered
        seen.append(steps.job)

    async def doubled(job: Job) -> dict[str, int]:
        return {"twice": 2 * job.payload["number"]}

    engine = place.engine(database)
    engine.register("double", handler)
    async with running(engine):
        await enqueue(database, engine, Job("j-1", "double", "acme", {"number": 21}))
        await until(database, "j-1", "done")
    assert [(job.id, job.tenant, job.payload) for job in seen] == [("j-1", "acme", {"number": 21})]


async def test_handlers_run_on_the_loop_of_start(place, database):
    loops = []

    async def handler(steps: Steps) -> None:
        loops.append(asyncio.get_running_loop())
        await steps.run("look", look)

    async def look() -> None:
        loops.append(asyncio.get_running_loop())

    engine = place.engine(database)
    engine.register("look", handler)
    async with running(engine):
        await enqueue(database, engine, Job("j", "look", "t"))
        await until(database, "j", "done")
    assert loops == [asyncio.get_running_loop()] * 2


async def test_a_job_lives_and_dies_with_its_transaction(place, database):
    recorder = Recorder()
    engine = place.engine(database)
    engine.register("note", recorder)

    async def undone(tx) -> None:
        await engine.enqueue(tx, Job("lost", "note", "t"))
        raise ValueError("roll back")

    async with running(engine):
        with pytest.raises(ValueError, match="roll back"):
            await database.write(undone)
        await enqueue(database, engine, Job("kept", "note", "t"))
        await until(database, "kept", "done")
    assert recorder.seen == ["kept"]


async def test_jobs_run_in_the_order_in_which_they_were_accepted(place, database):
    recorder = Recorder()
    engine = place.engine(database, queues=ONE)
    engine.register("note", recorder)
    names = [f"j-{number:02}" for number in range(20)]
    for name in names:
        await enqueue(database, engine, Job(name, "note", "t"))
    async with running(engine):
        await until(database, names[-1], "done")
    assert recorder.seen == names


async def test_priority_goes_first_and_age_raises_it(place, database):
    recorder = Recorder()
    engine = place.engine(database, queues=ONE)
    engine.register("note", recorder)
    long_ago = clock.now() - 3 * 60 * 60 * clock.SECOND
    await enqueue(
        database,
        engine,
        Job("ordinary", "note", "t"),
        Job("urgent", "note", "t", priority=1),
        Job("old", "note", "t", priority=150, run_at=long_ago),
        Job("whenever", "note", "t", priority=150),
    )
    async with running(engine):
        await until(database, "whenever", "done")
    assert recorder.seen == ["old", "urgent", "ordinary", "whenever"]


async def test_a_delayed_job_waits_for_its_time(place, database):
    times: dict[str, int] = {}

    async def handler(steps: Steps) -> None:
        times[steps.job.id] = clock.now()

    engine = place.engine(database)
    engine.register("note", handler)
    due = clock.now() + clock.SECOND
    async with running(engine):
        await enqueue(
            database,
            engine,
            Job("later", "note", "t", run_at=due),
            Job("now", "note", "t"),
            Job("much-later", "note", "t", run_at=due + 3600 * clock.SECOND),
        )
        await until(database, "later", "done")
        assert (await row(database, "much-later"))["state"] == "delayed"
    assert times["now"] < due <= times["later"]


async def test_an_id_is_one_job(place, database):
    recorder = Recorder()
    engine = place.engine(database)
    engine.register("note", recorder)
    async with running(engine):
        await enqueue(database, engine, Job("j", "note", "t", {"n": 1}), Job("j", "note", "t"))
        await until(database, "j", "done")
        await enqueue(database, engine, Job("j", "note", "t"), Job("other", "note", "t"))
        await until(database, "other", "done")
    assert sorted(recorder.seen) == ["j", "other"]


async def test_cancel_withdraws_what_waits_and_nothing_else(place, database):
    started, release = asyncio.Event(), asyncio.Event()
    recorder = Recorder()

    async def block(steps: Steps) -> None:
        started.set()
        await release.wait()

    engine = place.engine(database, queues=ONE)
    engine.register("block", block)
    engine.register("note", recorder)
    delayed = Job("delayed", "note", "t", run_at=clock.now() + 3600 * clock.SECOND)
    async with running(engine):
        await enqueue(database, engine, Job("running", "block", "t"))
        await started.wait()
        await enqueue(database, engine, Job("waiting", "note", "t"), delayed)
        for job, expected in (("running", False), ("waiting", True), ("delayed", True)):
            cancelled = await database.write(lambda tx, job=job: engine.cancel(tx, job))
            assert cancelled is expected, job
        release.set()
        await until(database, "running", "done")
        assert not await database.write(lambda tx: engine.cancel(tx, "running"))
        assert not await database.write(lambda tx: engine.cancel(tx, "unknown"))
    assert (await row(database, "waiting"))["state"] == "cancelled"
    assert recorder.seen == []


async def test_each_queue_has_its_own_places(place, database):
    running_now: dict[str, int] = {"narrow": 0, "wide": 0}
    most = dict(running_now)
    release = asyncio.Event()

    async def handler(steps: Steps) -> None:
        queue = steps.job.kind
        running_now[queue] += 1
        most[queue] = max(most[queue], running_now[queue])
        await release.wait()
        running_now[queue] -= 1

    engine = place.engine(database, queues=[QueueLimits("narrow", 1), QueueLimits("wide", 3)])
    engine.register("narrow", handler, queue="narrow")
    engine.register("wide", handler, queue="wide")
    jobs = [Job(f"{kind}-{n}", kind, "t") for kind in most for n in range(4)]
    async with running(engine):
        await enqueue(database, engine, *jobs)
        await until_true(lambda: running_now == {"narrow": 1, "wide": 3})
        release.set()
        for job in jobs:
            await until(database, job.id, "done")
    assert most == {"narrow": 1, "wide": 3}


async def test_kinds_that_this_node_does_not_know_are_left_alone(place, database):
    recorder = Recorder()
    newer = place.engine(database, queues=ONE)
    newer.register("new", recorder)
    await enqueue(database, newer, Job("new", "new", "t"))
    engine = place.engine(database, queues=ONE)
    engine.register("old", recorder)
    async with running(engine):
        await enqueue(database, engine, Job("old", "old", "t"))
        await until(database, "old", "done")
    assert (await row(database, "new"))["state"] == "queued"


async def test_a_handler_may_enqueue_what_follows(place, database):
    recorder = Recorder()
    engine = place.engine(database, queues=ONE)

    async def first(steps: Steps) -> None:
        async def follow() -> None:
            await enqueue(database, engine, Job("second", "note", "t"))

        await steps.run("follow", follow)

    engine.register("first", first)
    engine.register("note", recorder)
    async with running(engine):
        await enqueue(database, engine, Job("first", "first", "t"))
        await until_true(lambda: recorder.seen == ["second"])
        await until(database, "second", "done")


async def test_steps_may_run_side_by_side(place, database):
    async def handler(steps: Steps) -> None:
        results = await asyncio.gather(
            *(steps.run(f"step-{n}", partial(square, n)) for n in range(10))
        )
        assert results == [n * n for n in range(10)]

    async def square(number: int) -> int:
        await asyncio.sleep(0)
        return number * number

    engine = place.engine(database)
    engine.register("squares", handler)
    async with running(engine):
        await enqueue(database, engine, Job("j", "squares", "t"))
        done = await until(database, "j", "done", "failed", "delayed")
    assert done["error"] is None


async def test_retention_deletes_what_ended_long_ago(place, database):
    recorder = Recorder()
    engine = place.engine(database, keep_days=1)
    engine.register("note", recorder)
    aged = Query(text("UPDATE jobs SET ended_at = 1 WHERE id = 'old'"))
    async with running(engine):
        await enqueue(database, engine, Job("old", "note", "t"), Job("new", "note", "t"))
        await until(database, "old", "done")
        await until(database, "new", "done")
        await database.write(lambda tx: tx.run(aged))
    again = place.engine(database, keep_days=1)
    again.register("note", recorder)
    count = Query(text("SELECT count(*) AS n FROM jobs"))
    async with running(again):
        for _ in range(500):
            if (await database.one(count))["n"] == 1:
                break
            await asyncio.sleep(0.02)
        # Its records went with it, so that the id may be used for a new job.
        await enqueue(database, again, Job("old", "note", "t"))
        await until(database, "old", "done")
    assert sorted(recorder.seen) == ["new", "old", "old"]


async def test_a_delayed_job_that_is_hastened_runs_at_once(place, database):
    recorder = Recorder()
    engine = place.engine(database)
    engine.register("note", recorder)
    in_an_hour = clock.now() + 3600 * clock.SECOND
    async with running(engine):
        await enqueue(database, engine, Job("parked", "note", "t", run_at=in_an_hour))
        assert await database.write(lambda tx: engine.hasten(tx, "parked"))
        await until(database, "parked", "done")
        for gone in ("parked", "unknown"):
            assert not await database.write(lambda tx, gone=gone: engine.hasten(tx, gone))
    assert recorder.seen == ["parked"]


async def test_work_that_goes_on_in_another_job_keeps_its_place(place, database):
    recorder = Recorder()
    engine = place.engine(database, queues=ONE)
    engine.register("note", recorder)
    in_an_hour = clock.now() + 3600 * clock.SECOND
    first = Job("first", "note", "t")
    await enqueue(database, engine, first, Job("second", "note", "t"))
    kept = (await row(database, "first"))["rank"]
    goes_on = Job("goes-on", "note", "t", run_at=in_an_hour, rank=kept)
    await enqueue(database, engine, goes_on, Job("hastened", "note", "t", run_at=in_an_hour))
    for job_id in ("hastened", "goes-on"):
        await database.write(lambda tx, job_id=job_id: engine.hasten(tx, job_id))
    async with running(engine):
        await until(database, "hastened", "done")
    assert recorder.seen == ["first", "goes-on", "second", "hastened"]


async def test_the_rank_reaches_the_handler(place, database):
    ranks = []

    async def handler(steps: Steps) -> None:
        ranks.append(steps.job.rank)

    engine = place.engine(database)
    engine.register("note", handler)
    async with running(engine):
        await enqueue(database, engine, Job("j", "note", "t", rank=77))
        await until(database, "j", "done")
    assert ranks == [77]


async def test_position_counts_those_that_go_before(place, database):
    engine = place.engine(database, queues=[*ONE, QueueLimits("other", 1)])
    engine.register("note", Recorder())
    engine.register("elsewhere", Recorder(), queue="other")
    in_an_hour = clock.now() + 3600 * clock.SECOND
    await enqueue(
        database,
        engine,
        Job("a", "note", "t"),
        Job("b", "note", "t"),
        Job("urgent", "note", "t", priority=1),
        Job("later", "note", "t", run_at=in_an_hour),
        Job("elsewhere", "elsewhere", "t"),
    )
    for job_id, before in (("urgent", 0), ("a", 1), ("b", 2), ("later", 3), ("elsewhere", 0)):
        assert await engine.position(job_id) == before, job_id
    assert await engine.position("unknown") is None
    async with running(engine):
        await until(database, "b", "done")
    assert await engine.position("b") is None


async def test_a_place_is_known_before_it_is_taken(place, database):
    engine = place.engine(database)
    engine.register("note", Recorder())
    await enqueue(database, engine, Job("a", "note", "t", rank=10), Job("b", "note", "t", rank=20))
    assert [await engine.ahead_of("note", at) for at in (5, 15, 25)] == [0, 1, 2]
