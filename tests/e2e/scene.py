"""What the fault tests share: work whose effects can be counted, readers, and leftovers."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2

from tests.support.fixtures import TOKEN
from tests.support.git_http import GitServer
from tests.support.loopback import Reply, Request
from tests.support.server import PATIENCE, LemnosServer, StreamEvent, parse_sse

REPOSITORY = "acme/shop"
FILES = {"README.md": "A shop.\n", "shop.py": "PRICE = 1\n"}
COUNTED = "run: echo ran >> ran.txt"
# Runs until the file `go` is there, so that a test can do things to it meanwhile.
WAITS = "run: echo ran >> ran.txt; while [ ! -e go ]; do sleep 0.1; done; echo done > done.txt"


def ask(server: LemnosServer, host: GitServer, prompt: str, **more: Any) -> str:
    """Create a task for the built-in agent, which needs no model for `run:`; returns its id."""
    config = {"cli": "builtin", "timeout_seconds": 120} | more.pop("config", {})
    task = server.create(
        repo_url=host.repository_url(REPOSITORY),
        access_token=TOKEN,
        prompt=prompt,
        config=config,
        **more,
    )
    return str(task["id"])


def tree(server: LemnosServer, task_id: str) -> Path:
    """The agent's work tree, seen from the host."""
    return server.data / "workspaces" / task_id / "checkout"


def runs(server: LemnosServer, task_id: str) -> int:
    """How often the agent began with `COUNTED` or `WAITS`."""
    counted = tree(server, task_id) / "ran.txt"
    return len(counted.read_text().splitlines()) if counted.exists() else 0


def wait_for_runs(server: LemnosServer, task_id: str, count: int) -> None:
    """Wait until the agent has begun so often."""
    server.until(lambda: runs(server, task_id) >= count, what=f"the agent has begun {count} times")


def let_go(server: LemnosServer, task_id: str) -> None:
    """Let an agent that `WAITS` end its work."""
    (tree(server, task_id) / "go").touch()


def names(events: list[StreamEvent]) -> list[str]:
    """The names of the unnamed data events, which carry them in their data."""
    return [event.data["event"] for event in events if event.id is not None]


def pushes(host: GitServer) -> int:
    """How many pushes a git host has taken."""
    return sum(
        request.method == "POST" and request.path.endswith("/git-receive-pack")
        for request in host.git.requests
    )


@dataclass
class Follower:
    """A client that follows a task's stream, and comes back with Last-Event-ID when cut off.

    ``node`` says which server it turns to at each connect.
    """

    node: Callable[[], LemnosServer]
    task_id: str
    pause: float = 0.0  # seconds after each event: a slow reader
    hang_up_after: int = 0  # events after which it hangs up and comes back; 0: never
    events: list[StreamEvent] = field(default_factory=list)
    dones: list[StreamEvent] = field(default_factory=list)
    connects: int = 0

    def start(self) -> Self:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    @property
    def ids(self) -> list[int]:
        """The numbers of the events, in the order in which they came."""
        return [event.id for event in self.events if event.id is not None]

    def join(self, timeout: float = PATIENCE) -> Self:
        """Wait for `done`."""
        self._thread.join(timeout)
        self._stopping.set()
        if self._thread.is_alive():
            raise TimeoutError(f"no done after {timeout} s, the last events: {self.events[-3:]}")
        return self

    def check(self) -> None:
        """Each event exactly once, without a gap, and one `done` at the end."""
        assert self.ids == list(range(1, len(self.ids) + 1))
        assert len(self.dones) == 1

    def _run(self) -> None:
        with httpx2.Client(timeout=PATIENCE, trust_env=False) as client:
            while not (self._stopping.is_set() or self.dones):
                try:
                    self._connect(client)
                except (httpx2.HTTPError, OSError, RuntimeError):
                    time.sleep(0.05)  # the server is away

    def _connect(self, client: httpx2.Client) -> None:
        server = self.node()
        headers = {"Authorization": f"Bearer {server.key}"}
        if self.ids:
            headers["Last-Event-ID"] = str(self.ids[-1])
        url = f"{server.url}/api/v1/tasks/{self.task_id}/stream"
        seen = 0
        with client.stream("GET", url, headers=headers) as answer:
            if answer.status_code != 200:
                raise RuntimeError(f"the stream was refused with {answer.status_code}")
            self.connects += 1
            for event in parse_sse(answer.iter_lines()):
                if event.name == "done":
                    self.dones.append(event)
                elif event.id is not None:
                    self.events.append(event)
                    seen += 1
                if seen and seen == self.hang_up_after:
                    return
                time.sleep(self.pause)


def follow(server: LemnosServer, task_id: str) -> Follower:
    """A client that follows a task on one server."""
    return Follower(lambda: server, task_id).start()


def processes_of(server: LemnosServer) -> dict[int, str]:
    """The processes that work for a server: their command lines by pid. Not the server itself."""
    mark = os.fsencode(server.data)
    own = {os.getpid()}
    with contextlib.suppress(RuntimeError):  # it is not running
        own.add(server.pid)
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in own:
            try:
                command = (entry / "cmdline").read_bytes()
                about = command + (entry / "environ").read_bytes()
                about += os.fsencode(os.readlink(entry / "cwd"))
            except OSError:  # it has ended
                continue
            if mark in about:
                found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


@dataclass
class Barrier:
    """An app in front of a loopback server's own: holds back what matches until it is opened."""

    method: str
    ending: str
    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def handle(self, request: Request) -> Reply | None:
        if request.method == self.method and request.path.endswith(self.ending):
            self.reached.set()
            self.opened.wait(PATIENCE)
        return None
