"""What the model gateway adds to a model call, against the same call made directly.

``python -m benchmarks.gateway``. A client asks a scripted upstream as Claude Code asks a model
(a request of 64 KiB, a streamed answer of many small events), by turns directly and through a
run's gateway: over its unix socket, with its token, metered against a budget. Upstream, gateway
and client are processes of their own; the gateway's connects through the guard as the server's
does. What counts is the median of the differences between two calls that follow each other, and
the difference of the two 99th percentiles.

Published for others, at the median: Bifrost 0.44 ms, Portkey 2.37, LiteLLM 4.34.
"""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from benchmarks.common import Figure, main
from lemnos.adapters.net import NetGuard
from lemnos.domains.agents.ports import ModelAccess
from lemnos.main.host import make_gateway
from lemnos.runners.gateway import Policy
from lemnos.settings import load

CALLS = 150  # of either kind in a round
EVENTS = 25
PACE = 0.001  # seconds between two events of an answer
REQUEST_BYTES = 64 * 1024
MODEL = "claude-sonnet-4-5"
_PATIENCE = 20.0  # seconds until the next bytes
_END = b"0\r\n\r\n"


# --- upstream ---------------------------------------------------------------------------------


def _chunk(name: str, **said: object) -> bytes:
    event = f"event: {name}\ndata: {json.dumps({'type': name, **said})}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(event), event)


def _answer() -> list[bytes]:
    """The writes of one answer, as Anthropic streams it."""
    usage = {"input_tokens": 16_000, "output_tokens": 1}
    opening = _chunk("message_start", message={"id": "m", "model": MODEL, "usage": usage})
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    delta = {"type": "text_delta", "text": "some words of it"}
    words = [_chunk("content_block_delta", index=0, delta=delta) for _ in range(EVENTS)]
    closing = _chunk(
        "message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 99}
    )
    return [head + opening, *words, closing + _END]


class Upstream(asyncio.Protocol):
    """A model that answers each request with the same stream."""

    _writes = _answer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, _, body = self._received.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) == size:
            self._received = b""
            self._write(0)

    def _write(self, number: int) -> None:
        self._transport.write(self._writes[number])
        if number + 1 < len(self._writes):
            asyncio.get_running_loop().call_later(PACE, self._write, number + 1)


async def _serve_upstream() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# --- the gateway ------------------------------------------------------------------------------


async def _serve_gateway(port: str, folder: str) -> None:
    url = f"http://127.0.0.1:{port}"
    settings = load({"LEMNOS_DATA": folder, "LEMNOS_ANTHROPIC_BASE_URL": url})
    gateways = make_gateway(settings, NetGuard())
    policy = Policy(ModelAccess("anthropic", url, "sk-ant-only-for-this"), budget_usd=1e6)
    gateway = await gateways.open(policy, lambda _: None, isolated=True)
    print(json.dumps([str(gateway.socket), gateway.token]), flush=True)
    try:
        await asyncio.to_thread(sys.stdin.read)  # to its end, which is that of the benchmark
    finally:
        await gateway.close()
        await gateways.close()


# --- the client -------------------------------------------------------------------------------


@dataclass
class Route:
    """One way to the model, on one connection that is kept; times of its calls in ms."""

    address: tuple[str, int] | str  # of TCP, or the path of a unix socket
    path: str
    key: str
    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        self._socket = socket.socket(family)
        self._socket.settimeout(_PATIENCE)
        self._socket.connect(self.address)
        text = "word " * (REQUEST_BYTES // 5)
        asked = {"model": MODEL, "max_tokens": 1_000, "stream": True}
        body = json.dumps({**asked, "messages": [{"role": "user", "content": text}]}).encode()
        head = f"POST {self.path} HTTP/1.1\r\nHost: model\r\nX-Api-Key: {self.key}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._request = head.encode() + body

    def call(self) -> None:
        """One call, to the end of its answer."""
        began = time.perf_counter()
        self._socket.sendall(self._request)
        received, first = b"", 0.0
        while not received.endswith(_END):
            data = self._socket.recv(65536)
            if not data:
                raise RuntimeError(f"cut off after {received!r}")
            received += data
            if not received.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"refused: {received!r}")
            if not first and b"message_start" in received:
                first = time.perf_counter()
        self.whole.append((time.perf_counter() - began) * 1e3)
        self.first.append((first - began) * 1e3)
        if received.count(b"text_delta") != EVENTS:
            raise RuntimeError(f"not the whole answer: {received[:400]!r}")


@contextmanager
def _process(*arguments: str) -> Iterator[str]:
    """This file in another process; the line that it prints first."""
    command = [sys.executable, "-m", "benchmarks.gateway", *arguments]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline()
    finally:
        process.kill()
        process.wait()


def _percentile(times: list[float], share: float) -> float:
    return sorted(times)[int(len(times) * share)]


def _added(what: str, direct: list[float], ours: list[float]) -> Iterator[Figure]:
    """What ours takes more than the direct way, which was taken right before or after it."""
    mine, theirs = statistics.median(ours), statistics.median(direct)
    added = statistics.median(a - b for a, b in zip(ours, direct, strict=True))
    seen = f"{mine:.2f} against {theirs:.2f} ms"
    yield Figure(f"{what}, p50", added, "at most", 1.5, "ms", seen)
    mine, theirs = _percentile(ours, 0.99), _percentile(direct, 0.99)
    seen = f"{mine:.2f} against {theirs:.2f} ms"
    yield Figure(f"{what}, p99", mine - theirs, "at most", None, "ms", seen)


def measure(rounds: int) -> Iterator[Figure]:
    """Time to the first byte and to the whole answer, beyond a direct call's."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        port = stack.enter_context(_process("--upstream")).strip()
        told = stack.enter_context(_process("--gateway", port, str(Path(folder))))
        path, token = json.loads(told)
        direct = Route(("127.0.0.1", int(port)), "/v1/messages", "placeholder")
        ours = Route(path, "/model/v1/messages", token)
        for number in range(20 + CALLS * rounds):
            for route in (direct, ours) if number % 2 else (ours, direct):
                route.call()
    yield from _added("model gateway, added to the first byte", direct.first[20:], ours.first[20:])
    yield from _added("model gateway, added to a whole answer", direct.whole[20:], ours.whole[20:])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--upstream"]:
        uvloop.run(_serve_upstream())
    elif sys.argv[1:2] == ["--gateway"]:
        uvloop.run(_serve_gateway(sys.argv[2], sys.argv[3]))
    else:
        main(__doc__, measure)
