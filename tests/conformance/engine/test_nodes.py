"""Several nodes on one PostgreSQL: they share the work, and take over from the dead."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest
from sqlalchemy import text

from lemnos.engine import Job
from lemnos.engine.engine import DurableEngine
from lemnos.platform.db import Query
from tests.conformance.engine.place import effects, enqueue, new_place, opened, until
from tests.conformance.engine.processes import accept, processes

PATIENCE = 1.5  # seconds of silence after which a node is taken for dead
_LEASES = Query(text("SELECT name FROM nodes"))


@pytest.fixture
def place(tmp_path):
    return new_place("postgresql", tmp_path)


async def test_two_nodes_share_the_work_and_nothing_runs_twice(place):
    with processes(place) as nodes:
        for name in ("a", "b"):
            nodes.start(node=name, concurrency=2)
        await nodes.traced("up", times=2)
        jobs = [Job(f"j-{n:02}", "held", "t") for n in range(4)]
        jobs += [Job(f"k-{n:02}", "steps", "t", {"count": 2}) for n in range(30)]
        await accept(place, *jobs)
        await nodes.traced("hold", times=4)  # both nodes are full
        holders = Counter(line[2] for line in nodes.trace() if line[0] == "hold")
        (place.folder / "release").touch()
        async with opened(place.url) as database:
            for job in jobs:
                await until(database, job.id, "done")
        assert holders == {"a": 2, "b": 2}
        assert set(nodes.counted("begin").values()) == {1}
        assert len(nodes.counted("begin")) == 60


async def test_the_other_node_goes_on_where_the_killed_one_was(place):
    await accept(place, *(Job(f"j-{n}", "held", "t") for n in range(2)))
    with processes(place) as nodes:
        victim = nodes.start(node="a", patience=PATIENCE)
        await nodes.traced("hold", times=2)
        nodes.start(node="b", patience=PATIENCE)
        await nodes.traced("up", "b")
        victim.kill()
        await nodes.traced("hold", "j-0", "b")
        await nodes.traced("hold", "j-1", "b")
        (place.folder / "release").touch()
        async with opened(place.url) as database:
            for n in range(2):
                await until(database, f"j-{n}", "done")
            assert [found["name"] for found in await database.all(_LEASES)] == ["b"]
        assert nodes.counted("first") == {"j-0 a": 1, "j-1 a": 1}  # recorded: not again on b
        assert nodes.counted("last") == {"j-0 b": 1, "j-1 b": 1}


async def test_a_zombie_writes_nothing(place):
    (place.folder / "stall-a").touch()
    await accept(place, Job("j", "fenced", "t"))
    with processes(place) as nodes:
        nodes.start(node="a", patience=PATIENCE)
        await nodes.traced("try", "j", "a")
        nodes.start(node="b", patience=PATIENCE)
        await nodes.traced("after", "j", "b")
        async with opened(place.url) as database:
            await until(database, "j", "done")
            (place.folder / "stall-a").unlink()
            await nodes.traced("refused", "j", "a")
            assert await effects(database) == [("j", "write")]
            # It finds out, takes its lease out again and goes on as a node among others.
            again = Job("again", "held", "t")
            (place.folder / "release").touch()
            await enqueue(database, _engine(place, database), again)
            await until(database, "again", "done")
            for _ in range(200):
                if len(await database.all(_LEASES)) == 2:
                    break
                await nodes.traced("up", timeout=1)
        assert nodes.counted("after") == {"j b": 1}


async def test_a_suspended_node_starts_no_step_when_it_wakes(place):
    await accept(place, Job("j", "held", "t"))
    with processes(place) as nodes:
        frozen = nodes.start(node="a", patience=PATIENCE)
        await nodes.traced("hold", "j", "a")
        nodes.start(node="b", patience=PATIENCE)
        await nodes.traced("up", "b")
        assert frozen.pid is not None
        os.kill(frozen.pid, signal.SIGSTOP)
        await nodes.traced("hold", "j", "b")
        (place.folder / "release").touch()
        async with opened(place.url) as database:
            await until(database, "j", "done")
            os.kill(frozen.pid, signal.SIGCONT)
            for _ in range(500):
                if len(await database.all(_LEASES)) == 2:
                    break
                await nodes.traced("up", timeout=1)
            assert sorted(found["name"] for found in await database.all(_LEASES)) == ["a", "b"]
        assert nodes.counted("last") == {"j b": 1}


def _engine(place, database) -> DurableEngine:
    async def unused(steps) -> None:
        raise AssertionError("this process runs no jobs")

    engine: DurableEngine = place.engine(database)
    engine.register("held", unused)
    return engine
