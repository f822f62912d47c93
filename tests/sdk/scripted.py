"""A server that answers a client as it is told, and keeps what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.loopback import ConnectionReset, LoopbackServer, Reply, Request

Answer = Reply | type[ConnectionReset] | Callable[[Request], Reply]


@dataclass(frozen=True)
class Cut:
    """Pieces of a stream after which the connection ends in the middle of an answer.

    Not by a reset: that may overtake the pieces.
    """

    pieces: tuple[bytes, ...]

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        raise BrokenPipeError


class ScriptedServer(LoopbackServer):
    """Gives its answers in their order, the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__()
        self.answers = list(answers)
        self.requests: list[Request] = []
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Reply):
            return answer
        if isinstance(answer, type):
            raise answer
        return answer(request)

    @property
    def keys(self) -> list[str]:
        """The Idempotency-Key of each request; empty where it has none."""
        return [request.headers.get("idempotency-key", "") for request in self.requests]


def orchex(data: Any, status: int = 200, **headers: str) -> Reply:
    """An answer of ORCHEX's."""
    meta = {"request_id": "req_1", "timestamp": "2026-01-01T00:00:00Z", "version": "v1"}
    return Reply.json({"success": True, "data": data, "meta": meta}, status, headers)


def refusal(status: int, code: str, headers: dict[str, str] | None = None, **details: Any) -> Reply:
    """An error of ORCHEX's."""
    error = {"code": code, "message": "No.", "details": details}
    body = {"success": False, "error": error, "meta": {"request_id": "req_1"}}
    return Reply.json(body, status, {"X-Request-ID": "req_1", **(headers or {})})


def stream(*pieces: bytes) -> Reply:
    """A stream of events that ends."""
    return Reply(200, pieces, {"Content-Type": "text/event-stream"})


def cut_stream(*pieces: bytes) -> Reply:
    """A stream of events that breaks off."""
    return Reply(200, Cut(pieces), {"Content-Type": "text/event-stream"})


def frame(number: int) -> bytes:
    """An event of a task."""
    data = b'{"type":"stream","event":"output","data":{"n":%d},"ts":"2026-01-01T00:00:00Z"}'
    return b"id: %d\ndata: " % number + data % number + b"\n\n"


CONNECTED = b'event: connected\ndata: {"task_id":"task_1","status":"running"}\n\n'
DONE = b'event: done\ndata: {"task_id":"task_1","status":"completed"}\n\n'
