"""What durable jobs cost: against DBOS's own queues in the same run, and against nothing at all.

``python benchmarks/engine.py [sqlite] [postgresql] [--jobs N] [--waiting N]``. On a shared machine
the ratios say more than the times.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import psutil
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from lemnos.engine import Job, QueueLimits, Steps
from lemnos.engine.engine import DurableEngine
from lemnos.kernel import clock
from lemnos.kernel.ids import new_id
from lemnos.platform.db import Database, Tx
from tests.conformance.engine.place import new_place, opened

PLACES = 16
SINGLES = 40  # jobs whose latency is measured one by one
IDLE = 10.0  # seconds over which the idle cost is measured
BATCH = 1000
PROCESS = psutil.Process()

Submit = Callable[[str], Awaitable[None]]


class Clocked:
    """When jobs were handed over and when they began, and how many have ended."""

    def __init__(self) -> None:
        self.begun: dict[str, float] = {}
        self.ended = 0

    async def latency(self, submit: Submit) -> str:
        """Hand-over to start of single jobs."""
        took = []
        for _ in range(SINGLES):
            name, at = new_id("job"), time.perf_counter()
            await submit(name)
            await until(lambda name=name: name in self.begun)  # type: ignore[misc]
            took.append((self.begun[name] - at) * 1e3)
        took.sort()
        return f"p50 {statistics.median(took):.1f} ms, worst of {SINGLES} {took[-1]:.1f} ms"

    async def throughput(self, submit: Submit, count: int) -> float:
        """Jobs a second, from the first hand-over to the end of the last."""
        goal, began = self.ended + count, time.perf_counter()
        await asyncio.gather(*(submit(new_id("job")) for _ in range(count)))
        await until(lambda: self.ended >= goal)
        return count / (time.perf_counter() - began)


async def engine(database: Database, records: str, jobs: int, waiting: int) -> float:
    """Measure ours; returns the throughput."""
    clocked = Clocked()

    async def handler(steps: Steps) -> None:
        clocked.begun[steps.job.id] = time.perf_counter()
        await steps.run("one", nothing)
        clocked.ended += 1

    async def submit(name: str) -> None:
        await database.write(lambda tx: ours.enqueue(tx, Job(name, "bench", "t")))

    ours = DurableEngine(database, records=records, queues=[QueueLimits("default", PLACES)])
    ours.register("bench", handler)
    before, began = rss(), time.perf_counter()
    await ours.start()
    print(f"  start: {time.perf_counter() - began:.2f} s, {rss() - before:.0f} MB")
    print(f"  enqueue to start: {await clocked.latency(submit)}")
    speed = await clocked.throughput(submit, jobs)
    print(f"  throughput: {speed:.0f} one-step jobs/s")
    await waits(database, ours, waiting)
    await ours.drain(10)
    return speed


async def waits(database: Database, ours: DurableEngine, waiting: int) -> None:
    """What jobs cost that are not due yet."""
    print(f"  idle: {await idle_cpu():.2f} % of a core")
    memory, threads = rss(), threading.active_count()
    due = clock.now() + 3600 * clock.SECOND
    for first in range(0, waiting, BATCH):
        names = [f"waiting-{number}" for number in range(first, min(first + BATCH, waiting))]

        async def accept(tx: Tx, names: list[str] = names) -> None:
            for name in names:
                await ours.enqueue(tx, Job(name, "bench", "t", run_at=due))

        await database.write(accept)
    cpu = await idle_cpu()
    grown, more = rss() - memory, threading.active_count() - threads
    print(f"  {waiting} waiting jobs: {cpu:.2f} % of a core, {grown:+.1f} MB, {more:+d} threads")


async def bare(records: str, jobs: int) -> float:
    """The same work on a queue of DBOS's; returns the throughput."""
    from dbos import DBOS, SetWorkflowID

    clocked = Clocked()
    if records.startswith("sqlite"):
        with closing(sqlite3.connect(records.removeprefix("sqlite:///"))) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    DBOS(config={"name": "bare", "system_database_url": records, "log_level": "ERROR"})

    @DBOS.workflow()
    async def workflow(name: str) -> None:
        clocked.begun[name] = time.perf_counter()
        await DBOS.run_step_async({}, nothing)
        clocked.ended += 1

    await asyncio.to_thread(DBOS.launch)
    queue = await DBOS.register_queue_async(
        "bench", worker_concurrency=PLACES, polling_interval_sec=0.1
    )

    async def submit(name: str) -> None:
        with SetWorkflowID(name):
            await queue.enqueue_async(workflow, name)

    print(f"  DBOS's queue: {await clocked.latency(submit)}")
    speed = await clocked.throughput(submit, jobs)
    print(f"  DBOS's queue: {speed:.0f} one-step workflows/s")
    await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
    return speed


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what happens on any loop."""
    while not condition():  # noqa: ASYNC110 - DBOS runs its workflows on another loop
        await asyncio.sleep(0.0005)


async def nothing() -> None:
    """The work of a step."""


def rss() -> float:
    """Resident memory in MB."""
    return float(PROCESS.memory_info().rss) / 1e6


async def idle_cpu() -> float:
    """Per cent of a core that this process uses while nothing happens."""
    await asyncio.sleep(1)
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.sleep(IDLE)
    return 100 * (time.process_time() - cpu) / (time.perf_counter() - wall)


async def measure(kind: str, asked: argparse.Namespace, folder: Path) -> None:
    """Ours and DBOS's own, one after the other."""
    place = await asyncio.to_thread(new_place, kind, folder)
    print(kind)
    async with opened(place.url) as database:
        ours = await engine(database, place.records, asked.jobs, asked.waiting)
    other = await asyncio.to_thread(new_place, kind, folder / "bare")
    # On a loop of its own, as DBOS puts its threads under the loop that it meets.
    theirs = await asyncio.to_thread(lambda: asyncio.run(bare(other.records, asked.jobs)))
    print(f"  throughput, ours to DBOS's queue: {ours / theirs:.2f}")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--waiting", type=int, default=10_000)
    asked = parser.parse_args()
    for kind in asked.which:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "bare").mkdir()
            await measure(kind, asked, Path(folder))


if __name__ == "__main__":
    uvloop.run(main())
