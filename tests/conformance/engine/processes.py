"""Nodes as processes: start, kill, and read what they have done."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from typing import Any

from lemnos.engine import Job, Steps
from tests.conformance.engine.place import PATIENCE, Place, enqueue, opened
from tests.conformance.engine.program import Options, run

# Forked off a server that has imported all there is: a process in a tenth of the time.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.conformance.engine.program", "lemnos.engine.durable"])


class Processes:
    """The nodes of one test."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._started: list[ForkServerProcess] = []

    def start(self, **options: Any) -> ForkServerProcess:
        """A node. See :class:`Options`."""
        place = self.place
        wanted = Options(place.url, place.records, str(place.folder), **options)
        process = _FORKS.Process(target=run, args=[wanted])
        process.start()
        self._started.append(process)
        return process

    async def ended(self, process: ForkServerProcess) -> int:
        """Wait for the end of a process; its exit status."""
        deadline = time.monotonic() + PATIENCE
        while process.is_alive():
            assert time.monotonic() < deadline, f"it goes on: {self.logs()}"
            await asyncio.sleep(0.02)
        assert process.exitcode is not None
        return process.exitcode

    def trace(self) -> list[list[str]]:
        """The traces so far, as words."""
        path = self.place.folder / "trace"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def counted(self, word: str) -> Counter[str]:
        """How often each thing that begins with a word was traced."""
        return Counter(" ".join(line[1:]) for line in self.trace() if line[0] == word)

    async def traced(self, *words: str, times: int = 1, timeout: float = PATIENCE) -> None:
        """Wait for traces that begin with these words."""
        deadline = time.monotonic() + timeout
        wanted = list(words)
        while sum(line[: len(wanted)] == wanted for line in self.trace()) < times:
            assert time.monotonic() < deadline, f"no {words} in {self.trace()} {self.logs()}"
            await asyncio.sleep(0.02)

    def logs(self) -> str:
        """The end of what the nodes have logged, for a failure's message."""
        return "\n".join(path.read_text()[-3000:] for path in self.place.folder.glob("log-*"))

    def kill_all(self) -> None:
        """Leave nothing behind."""
        for process in self._started:
            process.kill()
            process.join()


@contextmanager
def processes(place: Place) -> Iterator[Processes]:
    """Nodes that end with the block."""
    nodes = Processes(place)
    try:
        yield nodes
    finally:
        nodes.kill_all()


async def accept(place: Place, *jobs: Job) -> None:
    """Enqueue from this process, which never starts its engine."""
    async with opened(place.url) as database:
        engine = place.engine(database)
        for kind in ("steps", "held", "fenced"):
            engine.register(kind, _unused)
        await enqueue(database, engine, *jobs)


async def _unused(steps: Steps) -> None:
    raise AssertionError("this process runs no jobs")
