"""A network that can be cut: a TCP relay between a client and a server."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self
from urllib.parse import urlsplit


class Relay:
    """Passes connections on to a server. A context manager.

    After each `cut_after` bytes that went to the client over one connection, that connection is
    reset; None: never. `cuts` counts.
    """

    def __init__(self, target: str, cut_after: int | None = None) -> None:
        self._target = urlsplit(target)
        self.cut_after = cut_after
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def retarget(self, target: str) -> None:
        """Pass new connections on to another server."""
        self._target = urlsplit(target)

    def cut(self) -> None:
        """Break every connection."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((self._target.hostname, self._target.port))
                self._open |= {client, server}
                pairs = ((client, server, False), (server, client, True))
                for source, sink, is_answer in pairs:
                    arguments = (source, sink, is_answer)
                    threading.Thread(target=self._pass, args=arguments, daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while chunk := source.recv(4096):
                limit = self.cut_after if is_answer else None
                if limit is not None and passed + len(chunk) > limit:
                    sink.sendall(chunk[: max(0, limit - passed)])
                    self.cuts += 1
                    break
                sink.sendall(chunk)
                passed += len(chunk)
        for connection in (source, sink):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open -= {source, sink}
