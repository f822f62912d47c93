"""A node as a process of its own, that can be killed.

Effects go to a table when they belong to the fenced state of a domain, and to a file when they
stand for side effects in the world outside.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import text

from lemnos.engine import JobLost, QueueLimits, Retry, Steps
from lemnos.engine.engine import DurableEngine
from lemnos.platform.db import Query, Tx
from lemnos.platform.db.connect import open_database

_INSERT = Query(text("INSERT INTO effects VALUES (:at, :job, :step, :node)"))


@dataclass(frozen=True)
class Options:
    """How the node behaves. ``kill_at``: ``point:step``, where it kills itself with -9."""

    url: str
    records: str
    folder: str
    node: str = "local"
    concurrency: int = 4
    patience: float = 30.0
    kill_at: str = ""
    drain: float = 20.0


class Program:
    """The handlers, and how they leave traces."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.folder = Path(options.folder)
        self.database = open_database(options.url)
        self.engine = DurableEngine(
            self.database,
            records=options.records,
            node=options.node,
            queues=[QueueLimits("default", options.concurrency)],
            patience=options.patience,
        )
        retry = Retry(attempts=5, first=0.1)
        self.engine.register("steps", self.steps, retry=retry)
        self.engine.register("held", self.held, retry=retry)
        self.engine.register("fenced", self.fenced, retry=retry)

    async def main(self) -> None:
        """Run until SIGTERM, then drain."""
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        await self.database.start()
        await self.engine.start()
        self.trace("up", self.options.node)
        await stopped.wait()
        await self.engine.drain(self.options.drain)
        await self.database.stop()

    def trace(self, *words: object) -> None:
        """One line, in one write, so that a kill cannot leave half of it."""
        line = " ".join(map(str, words)) + "\n"
        descriptor = os.open(self.folder / "trace", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, line.encode())
        os.close(descriptor)

    def point(self, name: str, step: object) -> None:
        """A place where the process may be told to die."""
        if self.options.kill_at == f"{name}:{step}":
            os.kill(os.getpid(), signal.SIGKILL)

    async def steps(self, steps: Steps) -> None:
        """``count`` steps that each leave a trace."""
        count = steps.job.payload["count"]
        self.trace("recovered", steps.job.id, steps.recovered)
        self.point("start", 0)
        for number in range(1, count + 1):
            self.point("before", number)
            result = await steps.run(f"step-{number}", partial(self.step, steps, number))
            assert result == number * 10
            self.point("after", number)
        self.trace("end", steps.job.id)

    async def step(self, steps: Steps, number: int) -> int:
        self.trace("begin", steps.job.id, number)
        self.point("inside", number)
        await asyncio.sleep(0)
        self.trace("done", steps.job.id, number)
        self.point("unrecorded", number)
        return number * 10

    async def held(self, steps: Steps) -> None:
        """A recorded step, then one that lasts until the file ``release`` is there."""
        await steps.run("first", lambda: self.mark(steps, "first"))
        await steps.run("hold", lambda: self.hold(steps))
        await steps.run("last", lambda: self.mark(steps, "last"))

    async def mark(self, steps: Steps, word: str) -> None:
        self.trace(word, steps.job.id, self.options.node)

    async def hold(self, steps: Steps) -> None:
        self.trace("hold", steps.job.id, self.options.node)
        while not (self.folder / "release").exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.02)

    async def fenced(self, steps: Steps) -> None:
        """Stalls the whole process once, then writes as if nothing had happened."""
        self.trace("try", steps.job.id, self.options.node)
        stall = self.folder / f"stall-{self.options.node}"
        while stall.exists():
            time.sleep(0.02)  # the stalled loop is what is tested

        async def write(tx: Tx) -> None:
            await steps.fence(tx)
            effect = {"at": time.time_ns(), "job": steps.job.id, "step": "write"}
            await tx.run(_INSERT, {**effect, "node": self.options.node})

        try:
            await self.database.write(write)
        except JobLost:
            self.trace("refused", steps.job.id, self.options.node)
            raise
        await steps.run("after", lambda: self.mark(steps, "after"))


def run(options: Options) -> None:
    """What a node's process does, from its fork on."""
    log = os.open(f"{options.folder}/log-{options.node}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.setsid()
    logging.basicConfig(level="INFO")
    asyncio.run(Program(options).main())
