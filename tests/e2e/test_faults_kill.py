"""kill -9 of the server at each stage of a task: nothing accepted is lost, nothing recorded runs
twice, no process is left over, and clients' streams go on where they were."""

from __future__ import annotations

import contextlib
import fcntl
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.e2e.scene import (
    COUNTED,
    FILES,
    REPOSITORY,
    WAITS,
    Barrier,
    ask,
    follow,
    let_go,
    names,
    processes_of,
    pushes,
    runs,
    tree,
    wait_for_runs,
)
from tests.support.fixtures import TOKEN
from tests.support.forge import Forge
from tests.support.git_http import GitFault
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer
from tests.support.sink import Response, WebhookSink

pytestmark = pytest.mark.e2e


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def dsn(request: pytest.FixtureRequest) -> str:
    """Nothing for SQLite, else a PostgreSQL database."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("migrated_dsn"))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Forge]:
    """A forge that speaks Gitea's API, with one repository."""
    with Forge(tmp_path / "forge", TOKEN, github=False) as running:
        running.create(REPOSITORY, FILES)
        yield running


@pytest.fixture
def start(dsn: str, make_server: MakeServer, host: Forge) -> Callable[..., LemnosServer]:
    """Starts a server that knows the forge."""
    forges = json.dumps({f"127.0.0.1:{host.port}": "gitea"})

    def started(**env: str) -> LemnosServer:
        return make_server(
            database_url=dsn, allowed_hosts=["127.0.0.1"], env={"LEMNOS_FORGES": forges, **env}
        ).start()

    return started


def test_while_cloning(start: Callable[..., LemnosServer], host: Forge) -> None:
    server = start()
    host.git.break_down(GitFault(delay=60))
    task_id = ask(server, host, COUNTED)
    client = follow(server, task_id)
    server.wait(task_id, "cloning")
    server.until(lambda: bool(host.git.requests), what="git has asked the host")

    server.kill9()
    left = processes_of(server)
    server.start()
    server.until(lambda: not left.keys() & processes_of(server).keys(), what="the leftovers ended")
    host.git.recover()

    server.wait(task_id, "completed")
    client.join().check()
    told = names(client.events)
    assert told.count("clone_started") == 2
    assert told.count("clone_completed") == told.count("task_completed") == 1
    assert runs(server, task_id) == 1
    assert left, "git was not running when the server was killed"


def test_while_the_agent_runs(
    start: Callable[..., LemnosServer], host: Forge, webhook_sink: WebhookSink
) -> None:
    server = start()
    task_id = ask(server, host, WAITS, callback_url=f"{webhook_sink.url}/done")
    client = follow(server, task_id)
    wait_for_runs(server, task_id, 1)

    server.kill9()
    server.until(lambda: not processes_of(server), what="the agent has ended with the server")
    server.start()
    wait_for_runs(server, task_id, 2)
    let_go(server, task_id)

    task = server.wait(task_id, "completed")
    client.join().check()
    assert names(client.events).count("clone_started") == 1
    assert names(client.events).count("task_completed") == 1
    assert task["changes_summary"]["files_changed"] == 3
    assert [r.json()["status"] for r in webhook_sink.wait_for(1)] == ["completed"]
    server.until(lambda: not processes_of(server), what="no process is left")


def test_between_the_agents_end_and_the_tasks(
    start: Callable[..., LemnosServer], host: Forge, webhook_sink: WebhookSink
) -> None:
    """Its changes are about to be counted: the agent, which was recorded, does not run again."""
    server = start()
    task_id = ask(server, host, WAITS, callback_url=f"{webhook_sink.url}/done")
    client = follow(server, task_id)
    wait_for_runs(server, task_id, 1)
    with _locked(tree(server, task_id).with_name("checkout.lock")):
        let_go(server, task_id)
        server.until(lambda: "exited" in names(client.events), what="the agent has ended")
        _wait_for_the_agents_record(server, task_id)
        server.kill9()
    server.start()

    server.wait(task_id, "completed")
    client.join().check()
    assert runs(server, task_id) == 1
    assert names(client.events).count("cli_started") == 1
    assert len(webhook_sink.wait_for(1)) == 1


def test_between_result_and_callback(
    start: Callable[..., LemnosServer], host: Forge, webhook_sink: WebhookSink
) -> None:
    server = start()
    webhook_sink.respond(Response(delay=30))
    task_id = ask(server, host, COUNTED, callback_url=f"{webhook_sink.url}/done")
    webhook_sink.wait_for(1)
    server.wait(task_id, "completed")

    server.kill9()
    server.start()

    first, second = webhook_sink.wait_for(2)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert runs(server, task_id) == 1
    client = follow(server, task_id).join()
    client.check()
    assert names(client.events).count("task_completed") == 1
    _delivered(server, task_id)


@pytest.mark.parametrize("ending", ["/git-receive-pack", "/pulls"], ids=["pushing", "opening"])
def test_during_create_pr(start: Callable[..., LemnosServer], host: Forge, ending: str) -> None:
    server = start()
    task_id = ask(server, host, COUNTED)
    server.wait(task_id, "completed")
    gate = Barrier("POST", ending)
    host.apps.insert(0, gate)
    asking = threading.Thread(target=_create_pr, args=(server, task_id))
    asking.start()
    assert gate.reached.wait(30)
    assert server.task(task_id)["status"] == "creating_pr"

    server.kill9()
    asking.join()
    gate.opened.set()
    server.start()

    task = server.wait(task_id, "pr_created")
    assert [pull.number for pull in host.pulls(REPOSITORY)] == [task["pr_number"]]
    assert task["branch"] == f"codeforge/task-{task_id[:8]}"
    if ending == "/pulls":
        assert pushes(host) == 1
    again = server.client.post(f"/api/v1/tasks/{task_id}/create-pr", json={})
    assert (again.status_code, again.json()["pr_url"]) == (200, task["pr_url"])
    client = follow(server, task_id).join()
    client.check()
    assert names(client.events).count("push") == 1 + (again.status_code == 200)
    server.until(lambda: not processes_of(server), what="no process is left")


def test_what_was_accepted_a_moment_ago(start: Callable[..., LemnosServer], host: Forge) -> None:
    server = start(LEMNOS_MAX_AGENTS="2")
    tasks = []
    for _ in range(3):
        tasks += [ask(server, host, COUNTED) for _ in range(2)]
        server.kill9()
        server.start()

    for task_id in tasks:
        server.wait(task_id, "completed")
        told = names(server.events(task_id))
        assert told.count("task_created") == told.count("task_completed") == 1


def _create_pr(server: LemnosServer, task_id: str) -> None:
    with contextlib.suppress(httpx2.HTTPError), server.client_with(server.key) as client:
        client.post(f"/api/v1/tasks/{task_id}/create-pr", json={})


def _delivered(server: LemnosServer, task_id: str) -> None:
    path = f"/api/v1/tasks/{task_id}/callbacks"

    def landed() -> bool:
        (callback,) = server.client.get(path).json()["callbacks"]
        return bool(callback["state"] == "delivered")

    server.until(landed, what="the callback is delivered")


def _wait_for_the_agents_record(server: LemnosServer, task_id: str) -> None:
    """The step that follows, counting changes, waits for the lock that the test holds."""
    path = f"/api/v1/tasks/{task_id}/diff"
    with server.client_with(server.key) as client, contextlib.suppress(httpx2.TimeoutException):
        client.get(path, timeout=1.0)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
