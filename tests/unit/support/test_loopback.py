"""The server under all stand-ins can misbehave on demand, and behaves otherwise."""

import http.client
import threading
from collections.abc import Iterator

import pytest

from tests.support.loopback import ConnectionReset, LoopbackServer, Reply, Request


class Echo:
    def __init__(self) -> None:
        self.hung_up = threading.Event()

    def handle(self, request: Request) -> Reply | None:
        if request.path == "/echo":
            return Reply.json({"body": request.body.decode(), "query": request.query})
        if request.path == "/endless":
            return Reply(body=self._endless())
        if request.path == "/reset":
            return Reply(body=self._broken())
        return None

    def _endless(self) -> Iterator[bytes]:
        try:
            while True:
                yield b"on and on"
        finally:
            self.hung_up.set()

    def _broken(self) -> Iterator[bytes]:
        yield b"a beginning"
        raise ConnectionReset


def connect(server: LoopbackServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)


def read_all(connection: http.client.HTTPConnection) -> bytes:
    return connection.getresponse().read()


def test_bodies_are_dechunked_and_unknown_paths_are_404() -> None:
    with LoopbackServer(Echo()) as server:
        connection = connect(server)
        connection.request("POST", "/echo?a=1&a=2", body=iter([b"one ", b"two"]))
        assert connection.getresponse().read() == b'{"body": "one two", "query": {"a": "1"}}'
        connection.request("GET", "/nowhere")
        assert connection.getresponse().status == 404


def test_a_reset_reaches_the_client_as_one() -> None:
    with LoopbackServer(Echo()) as server:
        connection = connect(server)
        connection.request("GET", "/reset")
        with pytest.raises(ConnectionResetError):
            read_all(connection)


def test_the_app_learns_that_the_client_hung_up() -> None:
    app = Echo()
    with LoopbackServer(app) as server:
        connection = connect(server)
        connection.request("GET", "/endless")
        response = connection.getresponse()
        assert response.read(9) == b"on and on"
        response.close()
        connection.close()
        assert app.hung_up.wait(10)


def test_a_stopped_server_comes_back_on_its_port() -> None:
    server = LoopbackServer(Echo()).start()
    port = server.port
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", port, timeout=10).request("GET", "/echo")
    server.start(port)
    connection = connect(server)
    connection.request("GET", "/echo")
    assert connection.getresponse().status == 200
    server.stop()
