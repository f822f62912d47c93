"""Many readers of one task's stream over HTTP: the real server against bare protocol writes.

``python -m benchmarks.stream [--rounds N]``. An agent writes 100 lines a second; each reader is a
connection of one other process, the same for both sides, that counts what is missing or out of
order and how old an event is when it arrives: since the moment at which it was due by the clock,
so that a side which falls behind cannot hide it. The bare side is an ``asyncio.Protocol`` that
writes the very same bytes, one write for each event and reader: no agent, no log, no database, no
cursor.
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from benchmarks.agents import make_repository, make_writer
from benchmarks.common import Figure, Lemnos, Ratios, main
from lemnos.kernel.clock import now

RATE, SECONDS = 100, 4
TOTAL = RATE * SECONDS
SIZES = ((1_000, 3.0, 3), (5_000, 5.0, 2))
WORDS = 10  # of each event's text
_NUMBER_AND_TIME = re.compile(rb'"kind":"text","text":"(\d+) (\d+) ')
_PATIENCE = 60.0  # seconds that the readers wait for the last event


# --- the readers' process ---------------------------------------------------------------------


class Chunk:
    """What a piece of the stream holds, taken apart once for all readers that get the same."""

    known: dict[bytes, Chunk] = {}  # noqa: RUF012 - of this process

    def __init__(self, data: bytes) -> None:
        found = _NUMBER_AND_TIME.findall(data)
        self.numbers = [int(number) for number, _ in found]
        self.times = [int(due) for _, due in found]

    @classmethod
    def of(cls, data: bytes) -> Chunk:
        found = cls.known.get(data)
        if found is None:
            if len(cls.known) > 4096:
                cls.known.clear()
            found = cls.known[data] = cls(data)
        return found


class Crowd:
    """All readers of this process."""

    def __init__(self, readers: int) -> None:
        self.readers = readers
        self.begun = self.complete = self.wrong = self.count = 0
        self.delays: list[float] = []  # ms
        self.done = asyncio.Event()


class Reader(asyncio.Protocol):
    """One connection: asks for the stream, and follows it to the last of the agent's lines."""

    def __init__(self, crowd: Crowd, request: bytes) -> None:
        self._crowd = crowd
        self._request = request
        self._rest = b""
        self._next = 0
        self._begun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        crowd = self._crowd
        if not self._begun:
            self._begun = True
            crowd.begun += 1
        data = self._rest + data
        end = data.rfind(b"\n\n") + 2
        if end == 1:
            self._rest = data
            return
        whole, self._rest = data[:end], data[end:]
        chunk = Chunk.of(whole)
        if not chunk.numbers:
            return
        arrived = now()
        crowd.wrong += chunk.numbers != list(range(self._next, self._next + len(chunk.numbers)))
        self._next = chunk.numbers[-1] + 1
        crowd.count += len(chunk.numbers)
        crowd.delays += [(arrived - due) / 1e3 for due in chunk.times]
        if self._next == TOTAL:
            crowd.complete += 1
            if crowd.complete == crowd.readers:
                crowd.done.set()


async def read_all(url: str, key: str, readers: int) -> None:
    """The readers' process: says when all are connected, then what they have seen."""
    parts = urlsplit(url)
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}"
    crowd = Crowd(readers)
    loop = asyncio.get_running_loop()
    for _ in range(readers):
        made = Reader(crowd, request.encode() + b"\r\n\r\n")
        await loop.create_connection(lambda made=made: made, parts.hostname, parts.port)  # type: ignore[misc]
    while crowd.begun < readers:  # noqa: ASYNC110 - a condition of this process alone
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    try:
        async with asyncio.timeout(_PATIENCE):
            await crowd.done.wait()
    except TimeoutError:
        pass
    crowd.delays.sort()
    found = {
        "lost": readers * TOTAL - crowd.count,
        "wrong": crowd.wrong,
        "p50": crowd.delays[len(crowd.delays) // 2] if crowd.delays else -1.0,
        "p99": crowd.delays[int(len(crowd.delays) * 0.99)] if crowd.delays else -1.0,
    }
    print(json.dumps(found), flush=True)


class Readers:
    """That process, seen from outside."""

    def __init__(self, url: str, key: str, readers: int) -> None:
        command = [sys.executable, "-m", "benchmarks.stream", "--read", url, key, str(readers)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
        self._line()

    def found(self) -> dict[str, float]:
        """What they have seen, once they have seen all, or nothing more comes."""
        told: dict[str, float] = json.loads(self._line())
        self._process.wait()
        return told

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


# --- the bare side ----------------------------------------------------------------------------


class Sink(asyncio.Protocol):
    """A connection that is written to once it has asked."""

    waiting: list[asyncio.Transport] = []  # noqa: RUF012 - of this process

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        Sink.waiting.append(self._transport)
        self._transport.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n: \r\n")


async def write_bare(go: Path, sample: bytes) -> None:
    """Serve on a port that is printed; when the file appears, write the events to all."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", 0, backlog=8192)
    print(server.sockets[0].getsockname()[1], flush=True)
    while not go.exists():  # noqa: ASYNC110, ASYNC240 - the file is of another process
        await asyncio.sleep(0.01)
    began = time.time()
    for number in range(TOTAL):
        due = began + number / RATE
        await asyncio.sleep(max(0.0, due - time.time()))
        data = sample.replace(b"NUMBER", b"%d" % number).replace(b"TIME", b"%d" % (due * 1e6))
        data = b"%x\r\n%s\r\n" % (len(data), data)
        for transport in Sink.waiting:
            transport.write(data)
    await asyncio.sleep(_PATIENCE)


def bare(folder: Path, sample: bytes, readers: int) -> dict[str, float]:
    """One round of the bare side."""
    go = folder / f"go-{time.monotonic_ns()}"
    (folder / "sample").write_bytes(sample)
    command = [sys.executable, "-m", "benchmarks.stream", "--write", str(go), folder / "sample"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        crowd = Readers(f"http://127.0.0.1:{port}/", "none", readers)
        go.touch()
        return crowd.found()
    finally:
        process.kill()
        process.wait()


# --- the real side ----------------------------------------------------------------------------


class Real:
    """The server, a repository and an agent that writes on demand."""

    def __init__(self, folder: Path) -> None:
        self._repository = make_repository(folder / "repository")
        self.lemnos = Lemnos(
            folder / "server",
            allowed_roots=str(folder),
            claude_path=str(make_writer(folder)),
            anthropic_api_key="sk-ant-only-for-the-benchmark",
            log_requests="on",
        )

    def round(self, readers: int) -> dict[str, float]:
        """A task whose events so many readers follow."""
        task_id, go = self._waiting_task()
        crowd = Readers(
            f"{self.lemnos.url}/api/v1/tasks/{task_id}/stream", self.lemnos.key, readers
        )
        go.touch()
        found = crowd.found()
        self.lemnos.rest(task_id)
        return found

    def sample(self) -> bytes:
        """The frame of one event as it comes over the wire, with places to fill in."""
        task_id, go = self._waiting_task()
        go.touch()
        self.lemnos.rest(task_id)
        stream = self.lemnos.raw("GET", f"/api/v1/tasks/{task_id}/stream")
        frame = next(part for part in stream.split(b"\n\n") if b'"text":"0 ' in part)
        return re.sub(rb'"text":"0 \d+ ', b'"text":"NUMBER TIME ', frame) + b"\n\n"

    def _waiting_task(self) -> tuple[str, Path]:
        """A task whose agent is there and waits for a file to appear."""
        plan = {"count": TOTAL, "rate": RATE, "words": WORDS, "go": "go"}
        new = {"repo_url": f"file://{self._repository}", "prompt": json.dumps(plan)}
        config = {"cli": "claude-code", "timeout_seconds": 600}
        task = self.lemnos.call("POST", "/api/v1/tasks", {**new, "config": config})
        tree = self.lemnos.data / "workspaces" / task["id"] / "checkout"
        deadline = time.monotonic() + 30
        while self._status(task["id"]) != "running":
            if time.monotonic() > deadline:
                raise TimeoutError(f"the task {task['id']} does not run")
            time.sleep(0.05)
        inner = tree / "tree"
        return task["id"], (inner if inner.is_dir() else tree) / "go"

    def _status(self, task_id: str) -> str:
        return str(self.lemnos.call("GET", f"/api/v1/tasks/{task_id}")["status"])


def measure(rounds: int) -> Iterator[Figure]:
    """The ratio of the delays, and what was lost, for each size of crowd."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        real = Real(folder)
        try:
            sample = real.sample()
            for readers, target, most in SIZES:
                ours, theirs = [], []
                for _ in range(min(rounds, most)):
                    theirs.append(bare(folder, sample, readers))
                    ours.append(real.round(readers))
                lost = sum(side["lost"] + side["wrong"] for side in ours)
                found = Ratios(*(tuple(one["p99"] for one in side) for side in (ours, theirs)))
                seen = found.seen("ms")
                what = f"{readers} readers of a stream"
                yield Figure(
                    f"{what}, p99 / bare writes", found.median, "at most", target, "", seen
                )
                yield Figure(f"{what}, events lost or out of order", lost, "at most", 0, "events")
        finally:
            real.lemnos.stop()


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    if sys.argv[1:2] == ["--read"]:
        uvloop.run(read_all(sys.argv[2], sys.argv[3], int(sys.argv[4])))
    elif sys.argv[1:2] == ["--write"]:
        uvloop.run(write_bare(Path(sys.argv[2]), Path(sys.argv[3]).read_bytes()))
    else:
        main(__doc__, measure)
