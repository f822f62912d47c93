"""What 10,000 tasks cost that wait: half of them for their time, half for a person.

``python -m benchmarks.waiting``. Two servers idle side by side: one on an empty database, one on
a database with 5,000 jobs that are due in a month and 5,000 paused tasks.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.common import Figure, Lemnos, main, process_usage
from lemnos.domains.tasks.model import NewTask, Status, TaskConfig
from lemnos.domains.tasks.store import TaskStore
from lemnos.domains.tasks.work import ITERATE
from lemnos.engine import Job
from lemnos.foundation import TENANT
from lemnos.kernel import clock
from lemnos.kernel.context import system_context
from lemnos.main.build import Server, build
from lemnos.platform.db import Tx
from lemnos.platform.db.migrate import migrate
from lemnos.settings import load

WAITING = 10_000
BATCH = 500
SETTLED, IDLE = 5.0, 20.0  # seconds
_MONTH = 30 * 86_400 * clock.SECOND


async def fill(data: Path) -> None:
    """Put the waiting tasks into a new database, by the server's own use cases."""
    server = build(load({"LEMNOS_DATA": str(data)}))
    await server.platform.db.start()
    for first in range(0, WAITING, BATCH):
        await server.platform.db.write(await _batch(server, first))
    await server.platform.db.stop()


async def _batch(server: Server, first: int) -> Callable[[Tx], Awaitable[None]]:
    """A transaction that accepts tasks, none of which has anything to do now."""
    ctx = system_context(TENANT, "benchmark")
    new = NewTask("https://github.com/user/repo.git", "Wait for it", TaskConfig())
    tasks = [await server.core.tasks.draft(ctx, new) for _ in range(BATCH)]
    due = clock.now() + _MONTH
    store = TaskStore(server.platform.db)

    async def body(tx: Tx) -> None:
        for number, task in enumerate(tasks, first):
            paused = replace(task, status=Status.PAUSED)
            store.add(tx, paused)
            if number % 2:
                payload = {"task_id": task.id, "number": 1}
                job = Job(f"iterate:{task.id}:1", ITERATE, TENANT, payload, run_at=due)
                await server.platform.engine.enqueue(tx, job)

    return body


def _children(pid: int) -> int:
    return len(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def measure(_: int) -> Iterator[Figure]:
    """Threads, subprocesses, memory and time beyond an empty server's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for which in ("empty", "full"):
            (folder / which / "data").mkdir(parents=True)
            # Beforehand for both: a server that has migrated is larger.
            migrate(f"sqlite:///{folder / which / 'data' / 'lemnos.db'}")
        asyncio.run(fill(folder / "full" / "data"))
        with Lemnos(folder / "empty") as empty, Lemnos(folder / "full") as full:
            assert full.call("GET", "/api/v1/tasks?limit=1")["total"] == WAITING
            empty.call("GET", "/api/v1/tasks?limit=1")
            time.sleep(SETTLED)
            pids = (empty.process.pid, full.process.pid)
            before = [process_usage(pid) for pid in pids]
            time.sleep(IDLE)
            after = [process_usage(pid) for pid in pids]
            children = _children(full.process.pid)
    cpu = [100 * (b["cpu"] - a["cpu"]) / IDLE for a, b in zip(before, after, strict=True)]
    threads, memory = (after[1][what] - after[0][what] for what in ("threads", "rss"))
    what = f"{WAITING} waiting tasks"
    cores = f"{cpu[0]:.1f} % with none; {os.cpu_count()} cores"
    yield Figure(f"{what}, more threads", threads, "at most", 0, "threads")
    yield Figure(f"{what}, subprocesses", children, "at most", 0, "processes")
    sizes = f"{after[1]['rss']:.0f} against {after[0]['rss']:.0f} MB"
    yield Figure(f"{what}, more memory", memory, "at most", 20, "MB", sizes)
    yield Figure(f"{what}, idle CPU of a core", cpu[1], "at most", 3, "%", cores)


if __name__ == "__main__":
    main(__doc__, measure)
