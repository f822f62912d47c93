"""kill -9 of the server while routed tasks are tried, wait and are compared: no attempt that was
recorded is made again, none that was cut off counts, and every task goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.scene import processes_of
from tests.e2e.team import BUILTIN, Team
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import FOREVER, Fail, Say
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer

pytestmark = pytest.mark.e2e
HOLDS = "echo ran >> ran.txt; while [ ! -e go ]; do sleep 0.1; done; echo done > done.txt"


@pytest.fixture
def model() -> Iterator[ModelEndpoint]:
    with ModelEndpoint() as endpoint:
        yield endpoint


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def dsn(request: pytest.FixtureRequest) -> str:
    """Nothing for SQLite, else a PostgreSQL database."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("migrated_dsn"))


@pytest.fixture
def server(dsn: str, model: ModelEndpoint, make_server: MakeServer) -> LemnosServer:
    env = {
        "LEMNOS_OPENAI_BASE_URL": f"{model.url}/v1",
        "LEMNOS_OPENAI_API_KEY": "sk-operator",
        "LEMNOS_MAX_AGENTS": "4",
    }
    return make_server(database_url=dsn, allowed_hosts=["127.0.0.1"], env=env).start()


@pytest.fixture
def team(server: LemnosServer, model: ModelEndpoint) -> Team:
    return Team(server, model)


def begun(team: Team, task_id: str) -> Callable[[], bool]:
    """Whether an agent holds in the task's workspace."""
    return (team.tree(task_id) / "ran.txt").exists


def restart(server: LemnosServer) -> None:
    server.kill9()
    server.until(lambda: not processes_of(server), what="the agents have ended with the server")
    server.start()


def test_in_the_middle_of_the_second_attempt(server: LemnosServer, team: Team) -> None:
    team.register("first", BUILTIN, price=0.001)
    team.register("second", BUILTIN, price=0.002)
    held = (BUILTIN.shell(HOLDS), Say("Done."))
    team.play(first=Fail(401, times=FOREVER), second=held)
    task_id = team.submit(constraints={"max_cost_usd": 5})
    team.until(begun(team, task_id), "the second agent is at work")

    restart(server)
    team.until(lambda: len(team.attempts(task_id)) == 3, "it is tried again")
    team.until(begun(team, task_id), "the second agent is at work again")
    (team.tree(task_id) / "go").touch()

    task = team.ended(task_id)
    assert (task["status"], task["agent_id"]) == ("completed", "second")
    attempts = team.attempts(task_id)
    assert [one["agent_id"] for one in attempts] == ["first", "second", "second"]
    assert [one["interrupted"] for one in attempts] == [False, True, False]
    assert [one["tier"] for one in attempts] == [0, 1, 1]
    assert team.breaker("second")["failures"] == 0
    server.until(lambda: not processes_of(server), what="no process is left")


def test_while_a_task_waits_to_be_tried_again(server: LemnosServer, team: Team) -> None:
    retries = {"max_retries": 2, "backoff_multiplier": 8}
    team.register("first", BUILTIN, config={"retry_policy": retries})
    team.play(first=Fail(429, times=FOREVER))
    task_id = team.submit()
    team.until(lambda: len(team.attempts(task_id)) == 2, "it was tried twice")
    team.until(lambda: team.task(task_id)["status"] == "queued", "it waits for the third")
    team.play(first=Say("At last."))

    restart(server)
    task = team.ended(task_id)

    assert (task["status"], task["attempts"]) == ("completed", 3)
    assert [one["error_class"] for one in team.attempts(task_id)][:2] == ["rate_limit"] * 2


def test_while_one_works_and_others_wait_for_room(server: LemnosServer, team: Team) -> None:
    team.register("first", BUILTIN, constraints={"max_concurrent_tasks": 1})
    team.play(first=(BUILTIN.shell(HOLDS), Say("Done.")))
    tasks = [team.submit()]
    team.until(begun(team, tasks[0]), "the first is at work")
    tasks += [team.submit() for _ in range(3)]
    for waiting in tasks[1:]:
        team.until(lambda name=waiting: _parked(team, name), "it waits")  # type: ignore[misc]

    restart(server)
    for task_id in tasks:
        team.until(begun(team, task_id), f"{task_id} is at work")
        (team.tree(task_id) / "go").touch()
        assert team.ended(task_id)["status"] == "completed"
    assert [len(team.attempts(task_id)) for task_id in tasks] == [2, 1, 1, 1]


def test_while_the_tries_of_a_fan_out_are_at_work(server: LemnosServer, team: Team) -> None:
    for name in ("first", "second"):
        team.register(name, BUILTIN)
    team.play(first=Say("Mine."), second=(BUILTIN.shell(HOLDS), Say("Done.")))
    task_id = team.submit(fan_out={"agents": ["first", "second"]})
    slow = _try_of(team, task_id, "second")
    team.until(begun(team, slow), "the second is at work")

    restart(server)
    team.until(lambda: len(team.attempts(slow)) == 2, "it is tried again")
    team.until(begun(team, slow), "the second is at work again")
    (team.tree(slow) / "go").touch()

    task = team.ended(task_id, timeout=180)
    assert task["status"] == "completed"
    assert [one["interrupted"] for one in team.attempts(slow)] == [True, False]


def _parked(team: Team, task_id: str) -> bool:
    return "room" in team.task(task_id)["progress"]["message"]


def _try_of(team: Team, task_id: str, agent_id: str) -> str:
    """The task of one agent's try."""
    found: list[str] = []

    def there() -> bool:
        page = team.call("GET", "/v1/tasks?limit=10")["tasks"]
        ours = [one for one in page if one["task_id"] != task_id]
        found[:] = [one["task_id"] for one in ours if one["agent_id"] == agent_id]
        return bool(found)

    team.until(there, f"{agent_id} has begun")
    return found[0]
