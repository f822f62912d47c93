"""Two nodes on one PostgreSQL: each shows the same, and each goes on with what the other began."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
    processes_of,
    runs,
    wait_for_runs,
)
from tests.support.fixtures import TOKEN
from tests.support.git_http import GitServer
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer

pytestmark = [pytest.mark.e2e, pytest.mark.postgres]
PATIENCE = "2"  # seconds of silence after which a node is taken for dead
MASTER_KEY = "bGVtbm9zLXRlc3RzLW1hc3Rlci1rZXktb2YtMzJieXQ="


@dataclass
class Nodes:
    """Both nodes, and the git host that they clone from."""

    first: LemnosServer
    second: LemnosServer
    host: GitServer

    def busy(self, task_id: str) -> tuple[LemnosServer, LemnosServer]:
        """The node on which the task's agent has begun, and the other one."""
        pair = (self.first, self.second)
        self.first.until(lambda: any(runs(n, task_id) for n in pair), what="the agent has begun")
        return pair if runs(self.first, task_id) else (self.second, self.first)


@pytest.fixture
def nodes(migrated_dsn: str, make_server: MakeServer, tmp_path: Path) -> Iterator[Nodes]:
    def made(name: str) -> LemnosServer:
        env = {
            "LEMNOS_NODE": name,
            "LEMNOS_NODE_PATIENCE": PATIENCE,
            "LEMNOS_MASTER_KEY": MASTER_KEY,
        }
        return make_server(name, database_url=migrated_dsn, allowed_hosts=["127.0.0.1"], env=env)

    with GitServer(tmp_path / "git", TOKEN) as host:
        host.create(REPOSITORY, FILES)
        yield Nodes(made("first").start(), made("second").start(), host)


def test_the_other_finishes_the_task_of_a_node_that_died(nodes: Nodes) -> None:
    task_id = ask(nodes.first, nodes.host, WAITS)
    dead, alive = nodes.busy(task_id)
    client = Follower(lambda: alive, task_id).start()

    dead.kill9()
    wait_for_runs(alive, task_id, 1)
    let_go(alive, task_id)

    alive.wait(task_id, "completed")
    client.join().check()
    assert names(client.events).count("clone_completed") == 2
    assert names(client.events).count("task_completed") == 1
    dead.until(lambda: not processes_of(dead), what="the dead node's agent has ended")
    dead.start()
    assert dead.events(task_id)[1:-1] == client.events


def test_a_follow_up_on_the_other_node_finds_the_work(nodes: Nodes) -> None:
    task_id = ask(nodes.first, nodes.host, COUNTED)
    nodes.first.wait(task_id, "completed")
    dead, alive = nodes.busy(task_id)
    before = follow(alive, task_id).join().events

    dead.kill9()
    asked = {"prompt": COUNTED}
    assert alive.client.post(f"/api/v1/tasks/{task_id}/instruct", json=asked).status_code == 200

    task = alive.wait(task_id, "completed")
    assert task["iteration"] == 2
    assert runs(alive, task_id) == 2
    assert "+ran\n+ran\n" in alive.client.get(f"/api/v1/tasks/{task_id}/diff").json()["diff"]
    client = follow(alive, task_id).join()
    client.check()
    assert client.events[: len(before)] == before


def test_both_show_the_same_stream_while_the_agent_runs(nodes: Nodes) -> None:
    task_id = ask(nodes.first, nodes.host, WAITS)
    clients = [follow(node, task_id) for node in (nodes.first, nodes.second)]
    busy, _ = nodes.busy(task_id)

    let_go(busy, task_id)

    for client in clients:
        client.join().check()
    assert clients[0].events == clients[1].events


def test_a_node_that_was_only_stalled_does_no_harm(nodes: Nodes) -> None:
    """SIGSTOP for longer than the others' patience: when it wakes up, its work is another's."""
    task_id = ask(nodes.first, nodes.host, WAITS)
    stalled, alive = nodes.busy(task_id)
    client = Follower(lambda: alive, task_id).start()

    os.kill(stalled.pid, signal.SIGSTOP)
    try:
        wait_for_runs(alive, task_id, 1)
        let_go(stalled, task_id)  # its agent goes on meanwhile, and ends
        stalled.until(lambda: not _agents(stalled), what="the stalled node's agent has ended")
    finally:
        os.kill(stalled.pid, signal.SIGCONT)
    stalled.until(
        lambda: "taken for dead" in stalled.log or "gone to another node" in stalled.log,
        what="it knows that it was taken for dead",
    )
    assert alive.task(task_id)["status"] == "running"
    let_go(alive, task_id)

    alive.wait(task_id, "completed")
    client.join().check()
    assert names(client.events).count("task_completed") == 1
    again = ask(stalled, nodes.host, COUNTED)
    stalled.wait(again, "completed")


def _agents(node: LemnosServer) -> list[str]:
    return [line for line in processes_of(node).values() if "runners.builtin" in line]
