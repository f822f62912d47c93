"""From a POST to the agent's process: what Lemnos adds to its engine, a checkout and a spawn.

``python -m benchmarks.start_agent``. The mirror is warm. The server's side ends when the start of
the process is taken note of, which is the time of the event ``cli started``; the parts are
measured one by one in the same rounds, each alone: a job of the engine from its hand-over to its
handler, a checkout of the same repository, and the same sandbox with the same program. The server
is then given 50 and 250 MB of memory more: a process that is forked would start later for it.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop

from benchmarks.agents import make_repository
from benchmarks.common import Figure, Lemnos, main
from lemnos.adapters.git import GitCli
from lemnos.adapters.net import NetGuard
from lemnos.domains.agents.ports import Limits
from lemnos.domains.workspaces.ports import Remote
from lemnos.engine import Job, QueueLimits, Steps
from lemnos.engine.engine import DurableEngine
from lemnos.kernel.clock import parse_iso
from lemnos.kernel.ids import new_id
from lemnos.platform.db.connect import open_database
from lemnos.platform.db.migrate import migrate
from lemnos.runners.sandbox import Launch, Sandbox, choose_sandbox

PROGRAM = ("/bin/true",)
BALLAST = (0, 50, 250)  # MB
EACH = 3  # starts of each kind in a round
ALLOWED = 30.0  # ms
UNDISTURBED = 0.3  # seconds in which nobody asks how far the task is
SETTLED = 0.1  # seconds in which the job before comes to its end


class Parts:
    """The engine, git and the sandbox, each alone in this process."""

    def __init__(self, folder: Path, repository: Path) -> None:
        self._folder = folder
        migrate(f"sqlite:///{folder / 'parts.db'}")
        self._db = open_database(f"sqlite:///{folder / 'parts.db'}")
        records = f"sqlite:///{folder / 'engine.db'}"
        self._engine = DurableEngine(self._db, records=records, queues=[QueueLimits("default", 4)])
        self._engine.register("note", self._note)
        self._begun: asyncio.Future[float]
        self._git = GitCli(folder / "mirrors", NetGuard([], [folder]))
        self._remote = Remote(f"file://{repository}")
        self._sandbox: Sandbox = choose_sandbox("auto")

    async def start(self) -> None:
        """Open the engine, warm the mirror."""
        await self._db.start()
        await self._engine.start()
        await self.checkout()

    async def stop(self) -> None:
        """Close everything."""
        await self._engine.drain(5)
        await self._db.stop()
        self._git.close()

    async def enqueued(self) -> float:
        """Seconds from handing a job over to its handler."""
        self._begun = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        await self._db.write(lambda tx: self._engine.enqueue(tx, Job(new_id("job"), "note", "t")))
        took = await self._begun - began
        await asyncio.sleep(SETTLED)
        return took

    async def checkout(self) -> float:
        """Seconds of a checkout."""
        began = time.perf_counter()
        await self._git.checkout(self._remote, self._folder / new_id("tree") / "checkout")
        return time.perf_counter() - began

    async def spawned(self) -> float:
        """Seconds to start a program in the sandbox."""
        workspace, home = (self._folder / new_id(name) for name in ("workspace", "home"))
        workspace.mkdir()
        home.mkdir()
        env = {"PATH": os.environ["PATH"], "HOME": str(home)}
        launch = Launch(new_id("run"), PROGRAM, workspace, home, env=env, limits=Limits())
        began = time.perf_counter()
        sandboxed = await self._sandbox.start(launch)
        took = time.perf_counter() - began
        await sandboxed.wait()
        return took

    async def _note(self, steps: Steps) -> None:
        self._begun.set_result(time.perf_counter())


def started(lemnos: Lemnos, repository: Path) -> float:
    """Seconds from the POST to the start of the agent's process."""
    config = {"cli": "acp:true"}
    body = {"repo_url": f"file://{repository}", "prompt": "Nothing.", "config": config}
    began = time.time()
    task = lemnos.call("POST", "/api/v1/tasks", body)
    time.sleep(UNDISTURBED)
    lemnos.rest(task["id"])
    stream = lemnos.raw("GET", f"/api/v1/tasks/{task['id']}/stream").decode()
    line = next(line for line in stream.splitlines() if '"event":"started"' in line)
    time.sleep(SETTLED)
    at = line.rpartition('"ts":"')[2].split('"', 1)[0]
    return parse_iso(at) / 1e6 - began


async def _rounds(folder: Path, rounds: int) -> Iterator[Figure]:
    repository = make_repository(folder / "repository")
    settings = {"allowed_roots": str(folder), "acp_agents": '{"true": ["/bin/true"]}'}
    servers = [Lemnos(folder / f"with{size}", ballast=size << 20, **settings) for size in BALLAST]
    parts = Parts(folder, repository)
    await parts.start()
    alone: list[list[float]] = [[], [], []]
    whole: list[list[float]] = [[] for _ in servers]
    for lemnos in servers:
        await asyncio.to_thread(started, lemnos, repository)  # warms the mirror
    for _ in range(rounds * EACH):
        for part, took in zip((parts.enqueued, parts.checkout, parts.spawned), alone, strict=True):
            took.append(await part() * 1e3)
        for lemnos, took in zip(servers, whole, strict=True):
            took.append(await asyncio.to_thread(started, lemnos, repository) * 1e3)
    await parts.stop()
    for lemnos in servers:
        lemnos.stop()
    return _figures(alone, whole)


def _figures(alone: list[list[float]], whole: list[list[float]]) -> Iterator[Figure]:
    """The servers' medians beyond the sum of the parts' medians, in ms."""
    engine, checkout, spawn = map(statistics.median, alone)
    together = engine + checkout + spawn
    for size, took in zip(BALLAST, whole, strict=True):
        mine = statistics.median(took)
        seen = f"{mine:.0f} ms; engine {engine:.0f}, checkout {checkout:.0f}, spawn {spawn:.0f} ms"
        what = "POST to agent's process" + (f", {size} MB more memory" if size else "")
        yield Figure(f"{what}, beyond its parts", mine - together, "at most", ALLOWED, "ms", seen)


def measure(rounds: int) -> Iterator[Figure]:
    """What is beyond the parts, for each size of the server."""
    with tempfile.TemporaryDirectory() as folder:
        yield from uvloop.run(_rounds(Path(folder), rounds))


if __name__ == "__main__":
    main(__doc__, measure)
