"""Agent events from a child's pipe to the log and ten subscribers, against SQLite's batch insert.

``python -m benchmarks.agent_events``. The agent runs in its sandbox, its lines are read, decoded,
redacted and appended as for any task, by all the parts of the real server; the other side inserts
the very same rows with ``executemany``, 200 to a commit, into the same table of another file.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import aclosing, closing
from pathlib import Path

import uvloop

from benchmarks.agents import make_repository, make_writer
from benchmarks.common import Figure, Ratios, main
from lemnos.domains.tasks.events import stream_of
from lemnos.domains.tasks.model import NewTask, TaskConfig
from lemnos.foundation import TENANT
from lemnos.kernel.context import system_context
from lemnos.main.build import Server, build
from lemnos.platform.db.migrate import migrate
from lemnos.platform.events.port import Event
from lemnos.server import Life
from lemnos.settings import load

EVENTS = 20_000
WORDS = 40  # about 200 bytes of text, in a line of 350
SUBSCRIBERS = 10
BATCH = 200
_COLUMNS = "stream, seq, tenant, type, name, data, ts, detail"
_INSERT = f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class Place:
    """A server's parts without HTTP, in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = make_repository(folder / "repository")
        env = {
            "PATH": os.environ["PATH"],
            "LEMNOS_DATA": str(folder / "data"),
            "LEMNOS_ALLOWED_ROOTS": str(folder),
            "LEMNOS_CLAUDE_PATH": str(make_writer(folder)),
            "LEMNOS_ANTHROPIC_API_KEY": "sk-ant-only-for-the-benchmark",
            "LEMNOS_LOG_LEVEL": "error",
        }
        self.server: Server = build(load(env))
        self.life = Life(self.server)

    async def ours(self) -> tuple[float, str]:
        """Seconds from the agent's first line to the last subscriber's last; the stream's name."""
        core, ctx = self.server.core, system_context(TENANT, "benchmark")
        prompt = json.dumps({"count": EVENTS, "rate": 0, "words": WORDS})
        new = NewTask(f"file://{self.repository}", prompt, TaskConfig(cli="claude-code"))
        task = await core.tasks.draft(ctx, new)
        stream = stream_of(task.id)
        readers = [asyncio.create_task(self._follow(stream)) for _ in range(SUBSCRIBERS)]
        await self.server.platform.db.write(lambda tx: core.tasks.create(tx, ctx, task))
        ends = await asyncio.gather(*readers)
        ended = await core.tasks.rested(ctx, task.id, 30.0)
        if ended.status != "completed":
            raise RuntimeError(f"the task is {ended.status}: {ended.error}")
        first = next(event for event in await self._events(stream) if event.type == "stream")
        return max(ends) - first.ts / 1e6, stream

    async def _follow(self, stream: str) -> float:
        seen = 0
        async with aclosing(self.server.core.hub.follow(stream, 0, _frame)) as batches:
            async for batch in batches:
                seen += len(batch)
                if seen == EVENTS:
                    return time.time()
        raise RuntimeError("the stream has ended")

    async def _events(self, stream: str) -> list[Event]:
        return await self.server.platform.events.read(stream, 0, 20)

    def bare(self, stream: str, number: int) -> float:
        """Seconds to insert the stream's rows into another file."""
        with closing(sqlite3.connect(self.folder / "data" / "lemnos.db")) as source:
            select = f"SELECT {_COLUMNS} FROM events WHERE stream = ? AND type = 'stream'"
            rows = source.execute(select, (stream,)).fetchall()
        path = self.folder / f"bare{number}.db"
        migrate(f"sqlite:///{path}")
        with closing(sqlite3.connect(path, isolation_level=None)) as bare:
            bare.execute("PRAGMA journal_mode = WAL")
            bare.execute("PRAGMA synchronous = FULL")
            began = time.perf_counter()
            for start in range(0, len(rows), BATCH):
                bare.execute("BEGIN IMMEDIATE")
                bare.executemany(_INSERT, rows[start : start + BATCH])
                bare.execute("COMMIT")
            return time.perf_counter() - began


def _frame(event: Event) -> bytes:
    """As a stream's readers get it; nothing for the few events that are not the agent's text."""
    if b'"kind":"text"' not in event.detail:
        return b""
    return b'id: %d\ndata: {"data":%s,"detail":%s}\n\n' % (event.seq, event.data, event.detail)


async def _rounds(folder: Path, rounds: int) -> Ratios:
    place = Place(folder)
    await place.life.start()
    ours, bare = [], []
    try:
        await place.ours()  # the first run also finds the program and makes the mirror
        for number in range(rounds):
            took, stream = await place.ours()
            ours.append(took)
            bare.append(await asyncio.to_thread(place.bare, stream, number))
    finally:
        await place.life.stop()
    return Ratios(tuple(EVENTS / took for took in ours), tuple(EVENTS / took for took in bare))


def measure(rounds: int) -> Iterator[Figure]:
    """Events a second, against rows a second."""
    with tempfile.TemporaryDirectory() as folder:
        found = uvloop.run(_rounds(Path(folder), rounds))
    what = f"agent events, pipe to log and {SUBSCRIBERS} subscribers / batch insert"
    yield Figure(what, found.median, "at least", 0.40, "", found.seen("events/s"))


if __name__ == "__main__":
    main(__doc__, measure)
