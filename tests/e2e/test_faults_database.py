"""The database goes away while an agent runs: nothing is lost, and everything goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.scene import (
    FILES,
    REPOSITORY,
    WAITS,
    ask,
    follow,
    let_go,
    names,
    runs,
    tree,
    wait_for_runs,
)
from tests.support.fixtures import TOKEN
from tests.support.git_http import GitServer
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer
from tests.support.services import Postgres

pytestmark = [pytest.mark.e2e, pytest.mark.postgres]
STEPS = 30


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "git", TOKEN) as running:
        running.create(REPOSITORY, FILES)
        yield running


@pytest.fixture
def server(migrated_dsn: str, make_server: MakeServer) -> LemnosServer:
    return make_server(database_url=migrated_dsn, allowed_hosts=["127.0.0.1"]).start()


@pytest.fixture
def cluster(postgres: Postgres, migrated_dsn: str) -> Iterator[Postgres]:
    """The database's cluster, to be stopped; it runs again for the tests that follow."""
    yield postgres
    postgres.stop()
    postgres.start()


def test_the_agent_goes_on_and_nothing_is_lost(
    cluster: Postgres, server: LemnosServer, host: GitServer
) -> None:
    steps = [f"run: echo step-{number}; touch step-{number}" for number in range(STEPS)]
    task_id = ask(server, host, "\n".join([WAITS, *steps]))
    client = follow(server, task_id)
    wait_for_runs(server, task_id, 1)

    cluster.stop()
    let_go(server, task_id)
    last = tree(server, task_id) / f"step-{STEPS - 1}"
    # The log of a server without its database is long, and a busy machine slow.
    server.until(last.exists, 120, "the agent went on without the database")
    refused = server.client.get(f"/api/v1/tasks/{task_id}")
    health = server.client.get("/health")
    cluster.start()

    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert {"error", "message", "code"} <= refused.json().keys()
    assert health.status_code == 503
    assert health.json()["components"]["database"]["status"] != "healthy"
    task = server.wait(task_id, "completed")
    client.join().check()
    assert runs(server, task_id) == 1
    assert task["changes_summary"]["files_changed"] == 3 + STEPS
    said = [event.data["detail"] for event in client.events if event.data.get("detail")]
    results = [detail["text"] for detail in said if detail["kind"] == "tool_result"]
    for number in range(STEPS):
        assert sum(f"step-{number}\n" in text for text in results) >= 1
    calls = [detail["id"] for detail in said if detail["kind"] == "tool_use"]
    assert len(calls) == len(set(calls))
    assert names(client.events).count("task_completed") == 1


def test_requests_wait_out_a_short_absence(
    cluster: Postgres, server: LemnosServer, host: GitServer
) -> None:
    task_id = ask(server, host, WAITS)
    wait_for_runs(server, task_id, 1)

    cluster.stop()
    cluster.start()
    answer = server.client.get(f"/api/v1/tasks/{task_id}")
    assert (answer.status_code, answer.json()["status"]) == (200, "running")
    let_go(server, task_id)
    server.wait(task_id, "completed")


def test_it_stops_without_the_database_and_goes_on_with_it(
    cluster: Postgres, server: LemnosServer, host: GitServer
) -> None:
    server.env["LEMNOS_DRAIN"] = "1"
    server.restart()
    task_id = ask(server, host, WAITS)
    client = follow(server, task_id)
    wait_for_runs(server, task_id, 1)

    cluster.stop()
    server.stop(timeout=45)
    cluster.start()
    server.start()
    wait_for_runs(server, task_id, 2)
    let_go(server, task_id)

    server.wait(task_id, "completed")
    client.join().check()
