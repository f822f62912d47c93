"""Real Claude Code, Codex and the built-in agent as a team: routing, fallback, breaker, budget."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.conformance.runtime.cases import mentions
from tests.e2e.scene import processes_of
from tests.e2e.team import BUILTIN, CLAUDE, CODEX, REAL_KEY, Kind, Team, overlapping, settings
from tests.support.git_repos import create_bare
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import FOREVER, Drop, Fail, Fault, Hang, Say, Usage
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer

pytestmark = [pytest.mark.e2e, pytest.mark.real_cli]
MINUTE = 60 * 1_000_000  # µs
HOLDS = "touch began; while [ ! -e go ]; do sleep 0.1; done"
FILES = {
    "README.md": "A shop.\n",
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1.0"\n',
    "shop.py": '"""A shop."""\n\n\ndef price() -> int:\n    """What it costs."""\n    return 1\n',
    "test_shop.py": "from shop import price\n\n\ndef test_price():\n    assert price() > 0\n",
}


@pytest.fixture(scope="module")
def model() -> Iterator[ModelEndpoint]:
    with ModelEndpoint() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def server(
    model: ModelEndpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LemnosServer]:
    folder = tmp_path_factory.mktemp("team")
    create_bare(folder / "shop.git", FILES)
    with LemnosServer(folder, allowed_hosts=["127.0.0.1"], env=settings(model)) as running:
        yield running


@pytest.fixture
def team(server: LemnosServer, model: ModelEndpoint) -> Iterator[Team]:
    """Two Claude Codes, a Codex and the built-in agent, who rank by their names while equal."""
    team = Team(server, model)
    kinds = {"ada": CLAUDE, "ben": CLAUDE, "cyd": CODEX, "dan": BUILTIN}
    for place, (agent_id, kind) in enumerate(kinds.items()):
        team.register(agent_id, kind, price=0.001 * (1 + place))
    yield team
    assert not processes_of(server)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> str:
    """The URL of an empty PostgreSQL database, or nothing, which is SQLite."""
    return str(request.getfixturevalue("migrated_dsn")) if request.param == "postgresql" else ""


def test_each_of_four_does_work_at_its_own_price(team: Team) -> None:
    said = {"ada": "I am one.", "ben": "Two.", "cyd": "Three.", "dan": "Four."}
    team.play(**{name: Say(text) for name, text in said.items()})

    ids = {name: team.submit(agent_id=name) for name in said}

    for place, (name, task_id) in enumerate(ids.items(), 1):
        task = team.ended(task_id)
        assert (task["status"], task["agent_id"], task["attempts"]) == ("completed", name, 1)
        assert said[name] in task["result"]["explanation"]
        assert (task["usage"]["input_tokens"], task["usage"]["output_tokens"]) == (100, 20)
        assert task["cost_usd"] == pytest.approx(0.120 * 0.001 * place)


@pytest.mark.parametrize(
    ("kind", "asked"),
    [(CLAUDE, "max_tokens"), (CODEX, "max_output_tokens")],
    ids=["claude", "codex"],
)
def test_an_agent_keeps_its_limit_of_tokens(team: Team, kind: Kind, asked: str) -> None:
    team.register("eve", kind, constraints={"max_tokens": 1_000})
    team.play(eve=Say("Short."))

    assert team.ended(team.submit(agent_id="eve"))["status"] == "completed"
    assert team.model.turns[-1].body[asked] == 1_000
    narrower = team.submit(agent_id="eve", requirements={"max_tokens": 500})
    assert team.ended(narrower)["status"] == "completed"
    assert team.model.turns[-1].body[asked] == 500


def test_an_endpoint_of_its_own_gets_its_own_key_alone(team: Team) -> None:
    team.register("eve", CLAUDE, config={"base_url": team.model.url}, api_key="sk-of-eve")
    team.register("fay", CLAUDE, config={"base_url": team.model.url})
    team.play(eve=Say("Mine."), fay=Say("Without a key."))

    assert team.ended(team.submit(agent_id="eve"))["status"] == "completed"
    assert team.model.turns[-1].credential == "sk-of-eve"
    team.ended(team.submit(agent_id="fay"))
    theirs = {team.model_of("eve"), team.model_of("fay")}
    seen = {one.credential for one in team.model.turns if one.body["model"] in theirs}
    assert REAL_KEY not in seen


def test_work_goes_to_the_best_score_and_routing_says_why(team: Team) -> None:
    team.play(ada=(Fail(400), Say("Better.")), ben=Say("Done."))
    assert team.ended(team.submit(agent_id="ada"))["status"] == "failed"

    def ranked() -> list[str]:
        dry = team.call("POST", "/v1/route", {"type": "code_generation"})
        return [one["agent_id"] for one in dry["candidates"]]

    team.until(lambda: ranked() == ["ben", "cyd", "dan", "ada"], "its failure counts")
    task = team.ended(task_id := team.submit())

    assert (task["status"], task["agent_id"], task["tier"]) == ("completed", "ben", 0)
    decision = team.call("GET", f"/v1/tasks/{task_id}/routing")["decision"]
    assert [one["agent_id"] for one in decision["candidates"]] == ranked()
    for one in decision["candidates"]:
        terms = one["terms"]
        weighed = {"capability": 0.4, "performance": 0.3, "availability": 0.2, "cost": 0.1}
        score = sum(terms[name] * weight for name, weight in weighed.items())
        assert one["score"] == pytest.approx(score, abs=0.1)


@pytest.mark.parametrize(
    ("fault", "error_class"),
    [
        (Fail(429, times=FOREVER), "rate_limit"),
        (Fail(401, times=FOREVER), "auth"),
        (Fail(500, times=FOREVER), "network"),
        (Drop(times=FOREVER), "network"),
        (Hang(times=FOREVER), "timeout"),
    ],
    ids=["429", "401", "500", "dropped", "hanging"],
)
def test_the_next_one_takes_over(team: Team, fault: Fault, error_class: str) -> None:
    team.play(ada=fault, cyd=Say("Done by the other."))
    others = {"excluded_agents": ["ben", "dan"]}
    task_id = team.submit(constraints=others, requirements={"timeout_seconds": 12})

    task = team.ended(task_id)

    assert (task["status"], task["agent_id"], task["tier"]) == ("completed", "cyd", 1)
    assert task["attempts"] == 2
    failed, made = team.attempts(task_id)
    assert (failed["agent_id"], failed["tier"]) == ("ada", 0)
    assert failed["error_class"] == error_class
    assert failed["verdict"] in {"failed", "timed_out"}
    assert (made["agent_id"], made["tier"], made["verdict"]) == ("cyd", 1, "completed")


def test_an_agent_is_tried_again_before_the_next_one_is(team: Team) -> None:
    policy = {"retry_policy": {"max_retries": 2}}
    team.call("PUT", "/v1/agents/ada", {"config": policy})
    team.play(ada=(Fail(400, times=2), Say("The third time.")))

    task_id = team.submit()

    task = team.ended(task_id)
    assert (task["status"], task["agent_id"], task["tier"]) == ("completed", "ada", 0)
    assert [one["verdict"] for one in team.attempts(task_id)] == ["failed", "failed", "completed"]


def test_when_all_fail_each_attempt_is_on_record(team: Team) -> None:
    gone = Fail(401, times=FOREVER)
    team.play(ada=gone, ben=gone, cyd=gone, dan=gone)

    task_id = team.submit()

    task = team.ended(task_id)
    assert task["status"] == "failed"
    assert task["error"]["message"]
    attempts = team.attempts(task_id)
    assert [one["agent_id"] for one in attempts] == ["ada", "ben", "cyd", "dan"]
    assert [one["tier"] for one in attempts] == [0, 1, 2, 3]


def test_the_breaker_opens_and_closes_again(team: Team) -> None:
    team.play(dan=(Fail(401, times=5), Say("Well again.")), ada=Say("Instead."))
    for failures in range(1, 6):
        assert team.breaker("dan")["state"] == "closed"
        assert team.ended(team.submit(agent_id="dan"))["status"] == "failed"
        assert team.breaker("dan")["failures"] == failures
    assert team.breaker("dan")["state"] == "open"
    dry = team.call("POST", "/v1/route", {"type": "code_generation"})
    out = [(one["agent_id"], one["code"]) for one in dry["left_out"]]
    assert out == [("dan", "circuit_open")]

    _let_a_minute_pass(team)

    for state in ("half_open", "half_open", "closed"):
        assert team.ended(team.submit(agent_id="dan"))["status"] == "completed"
        assert team.breaker("dan")["state"] == state


def test_a_budget_ends_the_run_and_its_work_is_kept(team: Team) -> None:
    team.play(
        ada=(
            CLAUDE.shell("echo half of it > half.txt"),
            CLAUDE.shell("true", Usage(input=900_000)),
            Say("Too late."),
        )
    )
    task_id = team.submit(agent_id="ada", constraints={"max_cost_usd": 0.5})

    task = team.ended(task_id)

    assert task["status"] == "awaiting_decision"
    assert task["cost_usd"] >= 0.5
    (attempt,) = team.attempts(task_id)
    assert (attempt["verdict"], attempt["error_class"]) == ("over_budget", "budget")
    diff = team.call("GET", f"/v1/tasks/{task_id}/diff")
    assert [file["path"] for file in diff["files"]] == ["half.txt"]
    assert team.breaker("ada")["failures"] == 0  # spending is nobody's failure

    team.play(ada=Say("The rest."))
    more = {"prompt": "Go on.", "max_budget_usd": 100}
    answer = team.ask("POST", f"/api/v1/tasks/{task_id}/instruct", more)
    assert answer.status_code == 200, answer.text
    assert team.ended(task_id)["status"] == "completed"


def test_two_work_at_once(team: Team) -> None:
    team.play(ada=(CLAUDE.shell(HOLDS), Say("Done.")), cyd=(CODEX.shell(HOLDS), Say("Done.")))
    ids = [team.submit(agent_id=name) for name in ("ada", "cyd")]

    for task_id in ids:
        team.until((team.tree(task_id) / "began").exists, f"{task_id} has begun")
    for task_id in ids:
        assert team.task(task_id)["status"] == "running"
        (team.tree(task_id) / "go").touch()

    assert [team.ended(task_id)["status"] for task_id in ids] == ["completed", "completed"]


def test_an_agent_with_one_place_takes_one_at_a_time(team: Team) -> None:
    limit = {"constraints": {"max_concurrent_tasks": 1}}
    team.call("PUT", "/v1/agents/dan", limit)
    team.play(dan=(BUILTIN.shell("sleep 0.3"), Say("Done.")))

    ids = [team.submit(agent_id="dan") for _ in range(3)]

    assert [team.ended(task_id)["status"] for task_id in ids] == ["completed"] * 3
    attempts = [one for task_id in ids for one in team.attempts(task_id)]
    assert len(attempts) == 3
    assert not overlapping(attempts)


def test_of_several_tries_the_one_that_passes_is_kept(team: Team) -> None:
    broken = "sed -i 's/return 1/return -1/' shop.py"
    better = "sed -i 's/return 1/return 2/' shop.py"
    team.play(
        ada=(CLAUDE.shell(broken), Say("Mine.")),
        cyd=(CODEX.shell(better), Say("The better one.")),
        dan=Fail(401, times=FOREVER),
    )
    task_id = team.submit(
        context={"repository_path": str(team.server.folder / "shop.git")},
        fan_out={"agents": ["ada", "cyd", "dan"]},
    )

    task = team.ended(task_id, timeout=180)  # each tree is type-checked, beside its base

    assert (task["status"], task["agent_id"]) == ("completed", "cyd"), task
    tries = {one["agent_id"]: one for one in task["fan_out"]["tries"]}
    assert {name: one["kept"] for name, one in tries.items()} == {
        "ada": False,
        "cyd": True,
        "dan": False,
    }
    assert tries["ada"]["checks"]["test_execution"] == "failed"
    assert tries["cyd"]["checks"]["test_execution"] == "passed"
    assert tries["dan"]["status"] == "failed"
    assert "return 2" in team.call("GET", f"/v1/tasks/{task_id}/diff")["diff"]
    for one in tries.values():  # all stay to compare
        assert team.task(one["task_id"])["parent_id"] == task_id
    assert "return -1" in team.call("GET", f"/v1/tasks/{tries['ada']['task_id']}/diff")["diff"]
    performance = team.call("GET", "/v1/agents/cyd")["performance"]
    assert (performance["avg_quality_score"], performance["judgements"] > 0) == (100, True)
    assert team.call("GET", "/v1/agents/ada")["performance"]["avg_quality_score"] < 100


def test_cancelled_between_two_tries(team: Team) -> None:
    slow = {"retry_policy": {"max_retries": 5, "backoff_multiplier": 10}}
    team.call("PUT", "/v1/agents/dan", {"config": slow})
    team.play(dan=Fail(500, times=FOREVER))
    task_id = team.submit(agent_id="dan")

    def waits() -> bool:
        ended = [one for one in team.attempts(task_id) if one["ended_at"]]
        return len(ended) >= 2 and team.task(task_id)["status"] == "queued"

    team.until(waits, "it waits for its third try")
    assert team.call("DELETE", f"/v1/tasks/{task_id}")["status"] == "cancelled"

    task = team.ended(task_id)
    assert task["status"] == "cancelled"
    assert len(team.attempts(task_id)) == 2


def test_cancelled_in_the_middle_of_the_second_attempt(team: Team) -> None:
    team.play(
        ada=Fail(401, times=FOREVER),
        ben=(CLAUDE.shell("touch began; sleep 600"), Say("Never.")),
    )
    task_id = team.submit()
    team.until((team.tree(task_id) / "began").exists, "the second one works")

    assert team.call("DELETE", f"/v1/tasks/{task_id}")["status"] == "cancelled"

    assert team.ended(task_id)["agent_id"] == "ben"
    assert [one["verdict"] for one in team.attempts(task_id)] == ["failed", "cancelled"]
    assert team.breaker("ben")["failures"] == 0


def test_killed_in_the_middle_of_the_second_attempt(
    database: str, model: ModelEndpoint, make_server: MakeServer
) -> None:
    env = settings(model)
    server = make_server(database_url=database, allowed_hosts=["127.0.0.1"], env=env).start()
    team = Team(server, model)
    team.register("ada", CODEX, price=0.001)
    team.register("ben", CLAUDE, price=0.002)
    team.play(
        ada=Fail(401, times=FOREVER),
        ben=(CLAUDE.shell("echo kept > kept.txt; touch began; sleep 600"), Say("Resumed.")),
    )
    task_id = team.submit()
    team.until((team.tree(task_id) / "began").exists, "the second one works")

    server.kill9()
    server.start()

    task = team.ended(task_id)
    assert (task["status"], task["agent_id"]) == ("completed", "ben"), task
    assert mentions(model.turns[-1].body, "You were interrupted")
    attempts = team.attempts(task_id)
    assert [one["agent_id"] for one in attempts] == ["ada", "ben", "ben"]
    assert [one["interrupted"] for one in attempts] == [False, True, False]
    assert team.breaker("ben")["failures"] == 0
    assert (team.tree(task_id) / "kept.txt").read_text() == "kept\n"
    assert not processes_of(server)


def _let_a_minute_pass(team: Team) -> None:
    """For an open breaker, while the server is down: what it has written down is set back."""
    team.server.stop()
    with closing(sqlite3.connect(team.server.data / "lemnos.db")) as db, db:
        where = "WHERE tenant = ? AND agent_id = 'dan'"
        (text,) = db.execute(f"SELECT breaker FROM agents {where}", [team.tenant]).fetchone()
        breaker: dict[str, Any] = json.loads(text)
        breaker["opened_at"] -= MINUTE
        db.execute(f"UPDATE agents SET breaker = ? {where}", [json.dumps(breaker), team.tenant])
    team.server.start()
