"""Runs of gates while servers are killed: taken up again, on this node or on another one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer

pytestmark = pytest.mark.e2e
GUARD_RAILS = "/api/v1/quality/guard-rails"
MASTER_KEY = "bGVtbm9zLXRlc3RzLW1hc3Rlci1rZXktb2YtMzJieXQ="
WAITS = """
[[gates.custom]]
name = "waits"
command = ["sh", "-c", "echo . >> begun; until test -e go; do sleep 0.1; done"]
"""


def project_in(folder: Path) -> Path:
    """A project whose gate goes on until there is a file ``go``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lemnos.toml").write_text(WAITS)
    return folder


def begun(project: Path) -> int:
    """How often the gate has begun."""
    file = project / "begun"
    return len(file.read_text().splitlines()) if file.exists() else 0


def start(server: LemnosServer, project: Path) -> str:
    """A run of the gate, under way."""
    body = {"workspace": str(project), "async": True}
    answer = server.client.post(GUARD_RAILS, json=body)
    assert answer.status_code == 202, answer.text
    server.until(lambda: begun(project) == 1, what="the gate has begun")
    task_id: str = answer.json()["task_id"]
    return task_id


def state(server: LemnosServer, task_id: str) -> dict[str, Any]:
    answer = server.client.get(f"/api/v1/tasks/{task_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ended(server: LemnosServer, task_id: str) -> dict[str, Any]:
    server.until(lambda: state(server, task_id)["ended_at"] is not None, what="the run has ended")
    return state(server, task_id)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def server(request: pytest.FixtureRequest, make_server: MakeServer) -> Iterator[LemnosServer]:
    postgres = request.param == "postgresql"
    dsn = request.getfixturevalue("migrated_dsn") if postgres else ""
    made = make_server("one", database_url=dsn)
    yield made
    made.stop()  # before its database goes


def test_a_run_is_taken_up_after_a_kill(server: LemnosServer):
    project = project_in(server.folder / "project")
    server.start()
    task_id = start(server, project)
    server.kill9()
    server.start()
    server.until(lambda: begun(project) == 2, what="the gate has begun again")
    assert state(server, task_id)["status"] == "running"
    (project / "go").touch()
    done = ended(server, task_id)
    assert (done["status"], done["progress"]) == ("completed", 1.0)
    assert done["result"]["success"] is True
    events = [event.data for event in server.stream(task_id) if event.id is not None]
    assert [one["data"]["again"] for one in events if one["event"] == "started"] == [False, True]
    assert [one["event"] for one in events].count("ended") == 1
    server.restart()
    assert state(server, task_id) == done


def test_a_cancel_after_a_kill_ends_what_was_taken_up(server: LemnosServer):
    project = project_in(server.folder / "project")
    server.start()
    task_id = start(server, project)
    server.kill9()
    server.start()
    assert server.client.post(f"/api/v1/tasks/{task_id}/cancel").status_code == 200
    assert ended(server, task_id)["status"] == "cancelled"


@pytest.mark.postgres
def test_another_node_goes_on_shows_the_same_and_cancels(
    migrated_dsn: str, make_server: MakeServer, tmp_path: Path
):
    project = project_in(tmp_path / "project")

    def node(name: str) -> LemnosServer:
        env = {
            "LEMNOS_NODE": name,
            "LEMNOS_NODE_PATIENCE": "2",
            "LEMNOS_MASTER_KEY": MASTER_KEY,
        }
        return make_server(name, database_url=migrated_dsn, allowed_roots=[tmp_path], env=env)

    first = node("first").start()
    task_id = start(first, project)
    second = node("second").start()
    with second.client_with(first.key) as client:
        assert client.get(f"/api/v1/tasks/{task_id}").json()["status"] == "running"
        first.kill9()
        second.until(lambda: begun(project) == 2, what="the other node goes on")
        first.start()
        assert first.client.post(f"/api/v1/tasks/{task_id}/cancel").status_code == 200
        assert ended(first, task_id)["status"] == "cancelled"
        assert client.get(f"/api/v1/tasks/{task_id}").json()["status"] == "cancelled"
