"""Kill -9 at every point: nothing accepted is lost, no recorded step runs again."""

from __future__ import annotations

import signal

import pytest

from lemnos.engine import Job
from tests.conformance.engine.place import opened, until
from tests.conformance.engine.processes import accept, processes

STEPS = 2
POINTS = [
    "start:0",
    *(
        f"{point}:{number}"
        for number in range(1, STEPS + 1)
        for point in ("before", "inside", "unrecorded", "after")
    ),
]


@pytest.mark.parametrize("point", POINTS)
async def test_a_killed_job_goes_on_at_the_interrupted_step(place, point):
    await accept(place, Job("j", "steps", "t", {"count": STEPS}))
    with processes(place) as nodes:
        assert await nodes.ended(nodes.start(kill_at=point)) == -signal.SIGKILL
        killed_in = [line[2] for line in nodes.trace() if line[:2] == ["begin", "j"]]
        nodes.start()
        async with opened(place.url, exclusive=False) as database:
            await until(database, "j", "done")
        begun, recovered = nodes.counted("begin"), nodes.counted("recovered")
    where, number = point.split(":")
    interrupted = number if where in ("inside", "unrecorded") else None
    for step in map(str, range(1, STEPS + 1)):
        assert begun[f"j {step}"] == (2 if step == interrupted else 1), (killed_in, begun)
    assert recovered == {"j False": 1, "j True": 1}


async def test_a_job_survives_one_kill_after_the_other(place):
    await accept(place, *(Job(f"j-{n}", "steps", "t", {"count": STEPS}) for n in range(6)))
    with processes(place) as nodes:
        for point in ("before:2", "inside:1", "after:2"):
            status = await nodes.ended(nodes.start(kill_at=point, concurrency=2))
            assert status == -signal.SIGKILL, point
        nodes.start(concurrency=2)
        async with opened(place.url, exclusive=False) as database:
            for n in range(6):
                await until(database, f"j-{n}", "done")
        begun = nodes.counted("begin")
    assert set(begun) == {f"j-{n} {step}" for n in range(6) for step in (1, 2)}
    # Each kill may interrupt as many steps as there are places, and only those run again.
    assert sum(begun.values()) <= 6 * STEPS + 3 * 2


async def test_what_was_accepted_before_a_kill_from_outside_is_done(place):
    await accept(place, *(Job(f"j-{n}", "held", "t") for n in range(8)))
    with processes(place) as nodes:
        victim = nodes.start(concurrency=3)
        await nodes.traced("hold", times=3)
        victim.kill()
        await nodes.ended(victim)
        (place.folder / "release").touch()
        nodes.start(concurrency=3)
        async with opened(place.url, exclusive=False) as database:
            for n in range(8):
                await until(database, f"j-{n}", "done")
        for n in range(8):
            assert nodes.counted("first")[f"j-{n} local"] == 1
            assert nodes.counted("last")[f"j-{n} local"] == 1


async def test_drain_waits_for_running_jobs_and_takes_no_more(place):
    await accept(place, *(Job(f"j-{n}", "held", "t") for n in range(4)))
    with processes(place) as nodes:
        node = nodes.start(concurrency=2)
        await nodes.traced("hold", times=2)
        node.terminate()
        (place.folder / "release").touch()
        assert await nodes.ended(node) == 0, nodes.logs()
        async with opened(place.url, exclusive=False) as database:
            states = [(await until(database, f"j-{n}", "done", "queued"))["state"] for n in (0, 3)]
            assert states == ["done", "queued"]
            nodes.start()
            for n in range(4):
                await until(database, f"j-{n}", "done")
        assert set(nodes.counted("hold").values()) == {1}


async def test_what_drain_cuts_off_goes_on_after_the_next_start(place):
    await accept(place, Job("j", "held", "t"))
    with processes(place) as nodes:
        node = nodes.start(drain=0.1)
        await nodes.traced("hold")
        node.terminate()
        assert await nodes.ended(node) == 0, nodes.logs()
        async with opened(place.url, exclusive=False) as database:
            assert (await until(database, "j", "queued"))["cut_off"] == 1
            (place.folder / "release").touch()
            nodes.start()
            await until(database, "j", "done")
        assert nodes.counted("first") == {"j local": 1}
        assert nodes.counted("hold") == {"j local": 2}
