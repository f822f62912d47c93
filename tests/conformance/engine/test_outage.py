"""The database goes away and comes back while jobs run."""

from __future__ import annotations

import asyncio
import signal

import pytest

from lemnos.engine import Job
from lemnos.kernel.errors import Unavailable
from tests.conformance.engine.place import Place, opened, prepared, until
from tests.conformance.engine.processes import accept, processes
from tests.support.services import Postgres

AWAY = 10.0  # seconds


@pytest.fixture
def server():
    """A server of its own, as this one crashes: durable, or it would forget what it confirmed."""
    with Postgres(durable=True) as server:
        yield server


@pytest.fixture
def place(server: Postgres, tmp_path) -> Place:
    url = server.create_database(prepared)
    return Place(url, url, tmp_path)


async def test_jobs_go_on_after_ten_seconds_without_the_database(server, place):
    jobs = [Job(f"j-{n}", "held", "t") for n in range(3)]
    await accept(place, *jobs)
    with processes(place) as nodes:
        node = nodes.start(concurrency=2, patience=60.0)
        await nodes.traced("hold", times=2)
        server.stop(signal.SIGQUIT)
        (place.folder / "release").touch()
        await asyncio.sleep(AWAY)
        server.start()
        async with opened(place.url) as database:
            for job in jobs:
                await until(database, job.id, "done", timeout=60)
        node.terminate()
        assert await nodes.ended(node) == 0
        assert nodes.counted("first") == {f"{job.id} local": 1 for job in jobs}
        assert set(nodes.counted("last").values()) == {1}


async def test_an_engine_that_cannot_reach_its_records_says_so_and_can_be_started_later(
    server, place
):
    async with opened(place.url) as database:
        engine = place.engine(database)
        server.stop()
        with pytest.raises(Unavailable, match="records"):
            await engine.start()
        server.start()
        await engine.start()
        await engine.drain(1)
