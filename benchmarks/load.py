"""A load generator: keep-alive connections that each send a request when the last is answered.

Run as a process of its own: ``python benchmarks/load.py '{"url": …}'`` prints requests a second.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit

import uvloop


class Connection(asyncio.Protocol):
    """Sends the same request again and again, and counts whole answers with a good status."""

    def __init__(self, request: bytes, status: bytes, ends: float) -> None:
        self._request, self._status, self._ends = request, status, ends
        self._buffer = b""
        self.done = 0
        self.bad = 0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        if time.perf_counter() >= self._ends:
            self._transport.close()
        else:
            self._transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        at = lower.find(b"content-length: ")
        length = int(lower[at + 16 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        if head.split(b" ", 2)[1] == self._status:
            self.done += 1
        else:
            self.bad += 1
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


async def load(plan: dict[str, object]) -> dict[str, float]:
    """Run the plan: url, method, headers, body, status, connections, seconds."""
    url = urlsplit(str(plan["url"]))
    body = str(plan.get("body", "")).encode()
    lines = [f"{plan.get('method', 'GET')} {url.path}?{url.query} HTTP/1.1".replace("? ", " ")]
    headers = {"Host": url.netloc, "Content-Length": str(len(body)), **plan.get("headers", {})}  # type: ignore[dict-item]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    request = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    begun = time.perf_counter()
    ends = begun + float(str(plan["seconds"]))
    loop = asyncio.get_running_loop()
    connections = []
    for _ in range(int(str(plan.get("connections", 16)))):
        _, protocol = await loop.create_connection(
            lambda: Connection(request, str(plan.get("status", 200)).encode(), ends),
            url.hostname,
            url.port,
        )
        connections.append(protocol)
    await asyncio.gather(*(connection.closed for connection in connections))
    seconds = time.perf_counter() - begun
    return {
        "rate": sum(connection.done for connection in connections) / seconds,
        "bad": sum(connection.bad for connection in connections),
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(load(json.loads(sys.argv[1])))))
