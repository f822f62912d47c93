"""A small threaded HTTP/1.1 server on 127.0.0.1, the ground on which all stand-ins are built.

Why not an ASGI server: the stand-ins must do what good servers refuse to do (reset a connection,
stream for ever, never answer), and several start within one test.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, Self, cast
from urllib.parse import parse_qs, urlsplit


class ConnectionReset(Exception):
    """Raised by an app to end the connection with a TCP RST."""


@dataclass(frozen=True)
class Request:
    """One request as it came in; header names are lower case, the body is de-chunked."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The first value of each query parameter."""
        parsed = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[0] for name, values in parsed.items()}

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    """An answer; a body that is an iterable of bytes is sent chunked, piece by piece."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
        encoded = json.dumps(value).encode()
        return cls(status, encoded, {"Content-Type": "application/json", **(headers or {})})


def iter_pieces(body: Iterable[bytes]) -> Generator[bytes, None, None]:
    """The pieces that are not empty: an empty chunk would end the answer."""
    for piece in body:
        if piece:
            yield piece


class App(Protocol):
    """What a loopback server serves."""

    def handle(self, request: Request) -> Reply | None:
        """Answer, or return None so that the next app of the same server may."""


class LoopbackServer:
    """Serves `apps` on 127.0.0.1, the first one that answers wins. A context manager.

    `closing` is set when the server stops; endless answers must watch it.
    """

    def __init__(self, *apps: App) -> None:
        self.apps: list[App] = list(apps)
        self.closing = threading.Event()
        self._server: _Server | None = None

    @property
    def port(self) -> int:
        if self._server is None:
            raise RuntimeError("the server is not running")
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, port: int = 0) -> Self:
        """Start on `port` (0: any free one), so that a stopped server can come back."""
        self.closing.clear()
        self._server = _Server(("127.0.0.1", port), self)
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def stop(self) -> None:
        """Close the listener and every open connection. Idempotent."""
        self.closing.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.close_connections()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, request: Request) -> Reply:
        for app in self.apps:
            reply = app.handle(request)
            if reply is not None:
                return reply
        return Reply.json({"message": "Not Found", "path": request.path}, 404)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], owner: LoopbackServer) -> None:
        super().__init__(address, _Handler)
        self.owner = owner
        self._open: set[socket.socket] = set()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._open.discard(request)

    def close_connections(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):  # already gone
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are the daily bread of these tests; other errors stay loud."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536

    def _serve(self) -> None:
        owner = cast(_Server, self.server).owner
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self._read_body(headers))
        try:
            self._send(owner.answer(request))
        except ConnectionReset:
            self._reset()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve

    def _read_body(self, headers: Mapping[str, str]) -> bytes:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return b"".join(self._read_chunks())
        return self.rfile.read(int(headers.get("content-length", "0") or 0))

    def _read_chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(reply.body, bytes):
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)
            self.wfile.flush()
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with closing(iter_pieces(reply.body)) as pieces:  # tells the app when the client hangs up
            for piece in pieces:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _reset(self) -> None:
        linger_zero = struct.pack("ii", 1, 0)  # SO_LINGER 0 turns close() into RST
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_zero)
        self.close_connection = True
        os.close(self.connection.detach())  # now, not when the last reader of the file lets go

    def handle_expect_100(self) -> bool:
        """Flush the interim answer: our write buffer would keep the client waiting for it."""
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return go_on

    def log_message(self, format: str, *args: Any) -> None:
        pass  # tests read the recorded requests instead
