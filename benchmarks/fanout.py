"""Many readers of one growing stream: the hub against bare protocol writes, alternating rounds.

``python benchmarks/fanout.py [READERS] [--rounds N]``. Readers are sockets of another process;
each frame carries the time of its event, and a reader counts what is missing or out of order.
The bare side writes each frame to each transport at once: no log, no cursor, no slow readers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from lemnos.platform.db.schema import create_all
from lemnos.platform.db.sqlite import SqliteDatabase
from lemnos.platform.events.hub import EventHub
from lemnos.platform.events.log import SqlEventLog
from lemnos.platform.events.notifier import Notifier
from lemnos.platform.events.port import Event, NewEvent

Serve = Callable[[list[asyncio.Transport], int], Awaitable[None]]
RATE, SECONDS, SIZE = 100, 5, 256
STREAM = "task:1"


# --- the readers' process ---------------------------------------------------------------------


class Reader(asyncio.Protocol):
    """Takes the frames apart; collects delays in ms."""

    delays: list[float] = []  # noqa: RUF012 - shared by all readers
    wrong = 0
    complete = 0

    def __init__(self, total: int, done: asyncio.Event, readers: int) -> None:
        self.total, self.done, self.readers = total, done, readers
        self.rest, self.seq = b"", 0

    def data_received(self, data: bytes) -> None:
        now = time.time_ns()
        data = self.rest + data
        whole = len(data) // SIZE * SIZE
        for start in range(0, whole, SIZE):
            seq, sent = data[start : start + 40].split()[:2]
            self.seq += 1
            Reader.wrong += int(seq) != self.seq
            Reader.delays.append((now - int(sent)) / 1e6)
        self.rest = data[whole:]
        if self.seq == self.total:
            Reader.complete += 1
            if Reader.complete == self.readers:
                self.done.set()


async def read_all(port: int, readers: int, total: int) -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    for _ in range(readers):
        await loop.create_connection(lambda: Reader(total, done, readers), "127.0.0.1", port)
    print("ready", flush=True)
    try:
        async with asyncio.timeout(SECONDS * 12):
            await done.wait()
    except TimeoutError:
        pass
    Reader.delays.sort()
    count = len(Reader.delays)
    print(
        json.dumps(
            {
                "lost": readers * total - count,
                "wrong": Reader.wrong,
                "p50": Reader.delays[count // 2],
                "p99": Reader.delays[int(count * 0.99)],
            }
        ),
        flush=True,
    )


# --- the server's process ---------------------------------------------------------------------


class Sink(asyncio.Protocol):
    """A connection that is written to."""

    def __init__(self, transports: list[asyncio.Transport]) -> None:
        self.transports = transports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transports.append(transport)  # type: ignore[arg-type]  # uvloop's is no subclass


def frame(seq: int, sent: int) -> bytes:
    return f"{seq} {sent} ".encode().ljust(SIZE, b".")


def encode(event: Event) -> bytes:
    return frame(event.seq, event.ts)


async def paced(total: int, emit: Callable[[int], Awaitable[None]]) -> None:
    began = time.perf_counter()
    for number in range(total):
        await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        await emit(number + 1)


async def round_of(readers: int, serve: Serve) -> dict[str, float]:
    transports: list[asyncio.Transport] = []
    loop, total = asyncio.get_running_loop(), RATE * SECONDS
    server = await loop.create_server(lambda: Sink(transports), "127.0.0.1", 0, backlog=8192)
    port = server.sockets[0].getsockname()[1]
    command = [sys.executable, __file__, str(readers), "--read", str(port)]
    child = subprocess.Popen(  # noqa: ASYNC220 - nothing else runs yet
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert child.stdout is not None
        await asyncio.to_thread(child.stdout.readline)
        while len(transports) < readers:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await serve(transports, total)
        found = json.loads(await asyncio.to_thread(child.stdout.readline))
    finally:
        child.kill()
        child.wait()
        for transport in transports:
            transport.abort()
        server.close()
    return dict(found)


async def serve_bare(transports: list[asyncio.Transport], total: int) -> None:
    async def emit(seq: int) -> None:
        data = frame(seq, time.time_ns())
        for transport in transports:
            transport.write(data)

    await paced(total, emit)


async def serve_hub(transports: list[asyncio.Transport], total: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        db = SqliteDatabase(Path(folder) / "lemnos.db")
        await db.start()
        await create_all(db)
        notifier = Notifier()
        log = SqlEventLog(db, notifier)
        hub = EventHub(log, notifier)

        async def follow(transport: asyncio.Transport) -> None:
            async with aclosing(hub.follow(STREAM, 0, encode)) as batches:
                seen = 0
                async for batch in batches:
                    transport.write(batch.joined)
                    seen += len(batch)
                    if seen == total:
                        return

        async def emit(_: int) -> None:
            fresh = [NewEvent("text", "delta", b"{}", time.time_ns())]
            await db.write(lambda tx: log.append(tx, "acme", STREAM, fresh))

        followers = [asyncio.create_task(follow(transport)) for transport in transports]
        while hub.readers(STREAM) < len(transports):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await paced(total, emit)
        await asyncio.gather(*followers)
        hub.stop()
        await db.stop()


async def main(readers: int, rounds: int) -> None:
    ratios = []
    for _ in range(rounds):
        bare = await round_of(readers, serve_bare)
        ours = await round_of(readers, serve_hub)
        ratios.append(ours["p99"] / bare["p99"])
        print(
            f"{readers} readers: p99 {ours['p99']:.0f} ms (p50 {ours['p50']:.0f}), "
            f"bare {bare['p99']:.0f} ms (p50 {bare['p50']:.0f}); "
            f"lost {ours['lost']}, out of order {ours['wrong']}; bare lost {bare['lost']}"
        )
    print(f"{readers} readers: p99 against bare writes, median {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="?", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--read", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.read:
        uvloop.run(read_all(asked.read, asked.readers, RATE * SECONDS))
    else:
        uvloop.run(main(asked.readers, asked.rounds))
