"""Many readers of one stream, coming and going: each event once, in order, and one `done`."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.scene import (
    COUNTED,
    FILES,
    REPOSITORY,
    WAITS,
    Follower,
    ask,
    follow,
    let_go,
    names,
    wait_for_runs,
)
from tests.support.fixtures import TOKEN
from tests.support.git_http import GitServer
from tests.support.server import PATIENCE, LemnosServer, StreamEvent
from tests.support.server_fixtures import MakeServer

pytestmark = pytest.mark.e2e
STEPS = 60
READERS = 24


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "git", TOKEN) as running:
        running.create(REPOSITORY, FILES)
        yield running


@pytest.fixture
def server(make_server: MakeServer) -> LemnosServer:
    env = {"LEMNOS_STREAM_IDLE": "3"}
    return make_server(allowed_hosts=["127.0.0.1"], env=env).start()


def test_readers_that_come_and_go_see_each_event_once(
    server: LemnosServer, host: GitServer
) -> None:
    task_id = ask(server, host, _talkative())
    wait_for_runs(server, task_id, 1)
    readers = [
        Follower(lambda: server, task_id, hang_up_after=5 * (number % 5)).start()
        for number in range(READERS)
    ]
    slow = Follower(lambda: server, task_id, pause=0.02).start()

    let_go(server, task_id)
    for reader in readers:
        reader.join().check()

    slow.join().check()
    assert all(reader.events == slow.events for reader in readers)
    assert names(slow.events)[-1] == "task_completed"
    assert len(slow.events) > 2 * STEPS
    assert max(reader.connects for reader in readers) > STEPS // 5


def test_a_reader_that_does_not_read_holds_nobody_up(server: LemnosServer, host: GitServer) -> None:
    """Its connection is full: it gets no further, and the others, and the agent, do."""
    task_id = ask(server, host, _talkative(width=20_000))
    wait_for_runs(server, task_id, 1)
    with _connected(server, task_id) as stuck:
        stuck.recv(1)
        others = [follow(server, task_id) for _ in range(3)]
        let_go(server, task_id)
        for other in others:
            other.join().check()
        assert server.task(task_id)["status"] == "completed"


def test_done_comes_once_for_each_reader_of_each_iteration(
    server: LemnosServer, host: GitServer
) -> None:
    task_id = ask(server, host, COUNTED)
    server.wait(task_id, "completed")
    first = server.events(task_id)
    assert [event.name for event in first if event.name] == ["connected", "done"]
    last = max(event.id for event in first if event.id is not None)
    at_rest = server.events(task_id, after=last)
    assert [event.name for event in at_rest] == ["connected", "done"]

    path = f"/api/v1/tasks/{task_id}/instruct"
    server.client.post(path, json={"prompt": COUNTED}).raise_for_status()
    second = server.events(task_id, after=last)

    assert [event.name for event in second if event.name] == ["connected", "done"]
    assert _ids(second) == list(range(last + 1, last + 1 + len(_ids(second))))
    assert second[-1].data["status"] == "completed"


def test_an_idle_stream_ends_with_a_timeout_and_can_be_taken_up(
    server: LemnosServer, host: GitServer
) -> None:
    task_id = ask(server, host, WAITS)
    wait_for_runs(server, task_id, 1)

    events = server.events(task_id)

    assert [event.name for event in events if event.name] == ["connected", "timeout"]
    last = _ids(events)[-1]
    let_go(server, task_id)
    server.wait(task_id, "completed")
    rest = server.events(task_id, after=last)
    assert _ids(events) + _ids(rest) == list(range(1, _ids(rest)[-1] + 1))
    assert rest[-1].name == "done"


@pytest.mark.slow
def test_a_quiet_stream_is_kept_alive(make_server: MakeServer, host: GitServer) -> None:
    """A comment every 15 seconds, as the document says."""
    server = make_server(allowed_hosts=["127.0.0.1"]).start()
    task_id = ask(server, host, WAITS)
    wait_for_runs(server, task_id, 1)
    path = f"/api/v1/tasks/{task_id}/stream"
    with server.client.stream("GET", path) as answer:
        assert next(line for line in answer.iter_lines() if line.startswith(":")) == ": keepalive"
    let_go(server, task_id)
    server.wait(task_id, "completed")


def _talkative(width: int = 10) -> str:
    """Waits, then prints in many steps, each of which makes several events."""
    words = f"head -c {width} /dev/zero | tr '\\0' x"
    return "\n".join([WAITS, *(f"run: echo {number}; {words}" for number in range(STEPS))])


def _ids(events: list[StreamEvent]) -> list[int]:
    return [event.id for event in events if event.id is not None]


def _connected(server: LemnosServer, task_id: str) -> socket.socket:
    """A reader with the smallest of buffers, which has asked and reads no further."""
    url = urlsplit(server.url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(PATIENCE)
    connection.connect((url.hostname, url.port))
    head = f"GET /api/v1/tasks/{task_id}/stream HTTP/1.1\r\nHost: {url.netloc}\r\n"
    connection.sendall(f"{head}Authorization: Bearer {server.key}\r\n\r\n".encode())
    return connection
