"""Gates after an agent's work, with real agents, real tools and the whole server: what fails goes
back to the agent, and passes then; a kill -9 at any moment repeats nothing that was counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.runtime.cases import REAL_KEY, BuiltinCase, ClaudeCase, RuntimeCase, mentions
from tests.e2e.scene import REPOSITORY, follow, names, processes_of, tree
from tests.e2e.team import BUILTIN, Team
from tests.support.fixtures import TOKEN
from tests.support.forge import Forge
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import Say, Tool, Turn
from tests.support.npm import require_cli
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer

pytestmark = pytest.mark.e2e

TESTS = """\
from pathlib import Path

from shop import price


def test_price() -> None:
    Path("litter.txt").write_text("left by a test")
    assert price("apple") < 3
"""
# Over the wrong price it waits for the file `go`, and counts how often it has begun; git ignores
# both, and what the task began from has neither.
HELD = TESTS.replace(
    '    Path("litter.txt")',
    '    with Path("begun.txt").open("a") as begun:\n'
    '        begun.write("x")\n'
    '    while price("apple") == 3 and not Path("go").exists():\n'
    "        time.sleep(0.05)\n"
    '    Path("litter.txt")',
).replace("from pathlib", "import time\nfrom pathlib")
FILES = {
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n\n[tool.pytest.ini_options]\n'
    'pythonpath = ["."]\n\n[tool.ruff]\nline-length = 100\n',
    "lemnos.toml": '[gates]\nrun = ["lint", "tests"]\n\n[gates.profiles.quick]\nrun = ["lint"]\n',
    ".gitignore": "go\nbegun.txt\nheld\n__pycache__/\n",
    "shop.py": 'def price(name: str) -> int:\n    """What it costs."""\n    return 1\n',
    "old.py": "import os\n",  # a finding that was there before
    "tests/test_shop.py": TESTS,
}
WRONG = "sed -i 's/return 1/return 3/' shop.py"
RIGHT = "sed -i 's/return 3/return 2/' shop.py"


@dataclass
class Stage:
    """A server with agents and a forge, and the model that the agents ask."""

    server: LemnosServer
    model: ModelEndpoint
    host: Forge

    def ask(self, case: RuntimeCase, gates: Any = True, **more: Any) -> str:
        config = {"cli": case.name, "ai_model": case.model, "timeout_seconds": 120}
        config |= more.pop("config", {})
        task = self.server.create(
            repo_url=self.host.repository_url(REPOSITORY),
            access_token=TOKEN,
            prompt="Let an apple cost two.",
            config=config,
            gates=gates,
            **more,
        )
        return str(task["id"])

    def diff(self, task_id: str) -> list[str]:
        answer = self.server.client.get(f"/api/v1/tasks/{task_id}/diff").json()
        return [file["path"] for file in answer["files"]]

    def instructions(self) -> list[Any]:
        """What the model was asked in each turn."""
        return [turn.body for turn in self.model.turns]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def dsn(request: pytest.FixtureRequest) -> str:
    """Nothing for SQLite, else a PostgreSQL database. To be asked for before what uses it."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("migrated_dsn"))


@pytest.fixture
def model() -> Iterator[ModelEndpoint]:
    with ModelEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Forge]:
    with Forge(tmp_path / "forge", TOKEN, github=False) as running:
        yield running


@pytest.fixture
def start(make_server: MakeServer, model: ModelEndpoint, host: Forge) -> Callable[..., Stage]:
    def started(files: dict[str, str] | None = None, dsn: str = "", **env: str) -> Stage:
        host.create(REPOSITORY, FILES | (files or {}))
        env = {
            "LEMNOS_ANTHROPIC_BASE_URL": model.url,
            "LEMNOS_ANTHROPIC_API_KEY": REAL_KEY,
            "LEMNOS_OPENAI_BASE_URL": f"{model.url}/v1",
            "LEMNOS_OPENAI_API_KEY": REAL_KEY,
            "LEMNOS_FORGES": json.dumps({f"127.0.0.1:{host.port}": "gitea"}),
        } | env
        server = make_server(database_url=dsn, allowed_hosts=["127.0.0.1"], env=env).start()
        return Stage(server, model, host)

    return started


def told(stage: Stage, task_id: str) -> list[str]:
    return [name for name in names(stage.server.events(task_id)) if name.startswith("repair")]


@pytest.mark.real_cli
def test_claude_code_mends_what_the_tests_found(start: Callable[..., Stage]) -> None:
    stage = start(LEMNOS_CLAUDE_PATH=str(require_cli("claude")))
    case = ClaudeCase()
    stage.model.play(case.shell(WRONG), Say("Done."), case.shell(RIGHT), Say("Now it is right."))
    task_id = stage.ask(case, {"attempts": 2, "budget_usd": 5})
    task = stage.server.wait(task_id)

    assert (task["status"], task["error"], task["result"]) == (
        *("completed", None),
        "Now it is right.",
    )
    gates = task["gates"]
    assert (gates["success"], gates["repairs"], gates["stopped"]) == (True, 1, "passed")
    assert {gate["name"]: gate["verdict"] for gate in gates["gates"]} == {
        "lint": "passed",
        "tests": "passed",
    }
    lint = gates["report"]["gates"][0]["metadata"]
    assert (lint["known_findings"], lint["new_findings"]) == (1, 0)  # old.py was so before
    assert stage.diff(task_id) == ["shop.py"]  # what the tests wrote is not part of the change
    before, after = stage.instructions()[1], stage.instructions()[2]
    assert not mentions(before, "test_price")
    assert mentions(after, "test_price")
    assert mentions(after, "Let an apple cost two.")  # in the same session
    assert task["usage"]["input_tokens"] == 400  # of both
    assert gates["spent_usd"] > 0
    events = stage.server.events(task_id)
    kinds = {event.data["event"]: event.data["type"] for event in events if event.id is not None}
    assert kinds["gate_finished"] == kinds["repair_started"] == "gates"
    assert not processes_of(stage.server)

    answer = stage.server.client.post(f"/api/v1/tasks/{task_id}/create-pr", json={})
    assert answer.status_code == 200, answer.text
    (pull,) = stage.host.pulls(REPOSITORY)
    assert pull.body is not None
    assert "**Quality gates: passed**" in pull.body
    assert "The agent was sent back once" in pull.body


@pytest.mark.real_cli
def test_claude_code_that_does_not_mend_it_has_failed(start: Callable[..., Stage]) -> None:
    stage = start(LEMNOS_CLAUDE_PATH=str(require_cli("claude")))
    case = ClaudeCase()
    silenced = case.shell("sed -i 's/import os/import os, re  # noqa/' old.py")
    stage.model.play(case.shell(WRONG), Say("Done."), silenced, Say("It is right already."))
    task = stage.server.wait(stage.ask(case, {"attempts": 1}))

    assert (task["status"], task["error_class"]) == ("failed", "gates_failed")
    assert "tests" in task["error"]
    gates = task["gates"]
    assert (gates["repairs"], gates["stopped"]) == (1, "attempts")
    assert gates["weakened"] == ["old.py: noqa was added"]
    assert stage.diff(task["id"]) == ["old.py", "shop.py"]


def test_what_failed_before_blocks_only_a_strict_task(start: Callable[..., Stage]) -> None:
    stage = start({"shop.py": FILES["shop.py"].replace("1", "5")})
    stage.model.play(Say("Nothing to do."))
    lenient = stage.server.wait(stage.ask(BuiltinCase(), {"attempts": 0}))
    strict = stage.server.wait(stage.ask(BuiltinCase(), {"attempts": 0, "strict": True}))

    assert (lenient["status"], strict["status"]) == ("completed", "failed")
    assert [gate["passed"] for gate in strict["gates"]["gates"]] == [False, False]


def test_the_built_in_agent_without_a_model_mends_lint(start: Callable[..., Stage]) -> None:
    # Its own run of the tests may write what it likes: that is the agent's work, not a gate's.
    tests = {
        "tests/test_shop.py": TESTS.replace(
            '    Path("litter.txt").write_text("left by a test")\n', ""
        )
    }
    stage = start(tests, LEMNOS_ANTHROPIC_API_KEY="")
    prompt = "create new.py:\n```\nimport os\n\nx = 1\n```\n"
    task = stage.server.create(
        repo_url=stage.host.repository_url(REPOSITORY),
        access_token=TOKEN,
        prompt=prompt,
        config={"cli": "builtin"},
        gates={"profile": "quick"},
    )
    task = stage.server.wait(task["id"])

    assert (task["status"], task["error"]) == ("completed", None)
    assert (task["gates"]["repairs"], task["gates"]["success"]) == (1, True)
    assert (tree(stage.server, task["id"]) / "new.py").read_text() == "x = 1\n"
    assert stage.diff(task["id"]) == ["new.py"]


def test_a_profile_that_the_project_does_not_know(start: Callable[..., Stage]) -> None:
    stage = start()
    stage.model.play(Tool("run", {"command": WRONG}), Say("Done."))
    task = stage.server.wait(stage.ask(BuiltinCase(), "strict"))

    assert (task["status"], task["error_class"]) == ("failed", "gates_invalid")
    assert "strict" in task["error"]
    assert "quick" in task["error"]
    assert stage.diff(task["id"]) == ["shop.py"]


def test_a_routed_task_is_judged_and_mended_the_same(start: Callable[..., Stage]) -> None:
    stage = start()
    team = Team(stage.server, stage.model)
    team.register("solo", BUILTIN)
    team.play(solo=(BUILTIN.shell(WRONG), Say("Done."), BUILTIN.shell(RIGHT), Say("Right.")))
    task_id = team.submit(gates={"attempts": 1}, context=_place(team, stage.host))
    task = team.ended(task_id)

    assert (task["status"], task["error"]) == ("completed", None)
    assert (task["gates"]["success"], task["gates"]["repairs"]) == (True, 1)
    assert task["result"]["gates"]["stopped"] == "passed"
    assert task["usage"]["input_tokens"] == 400
    listed = team.call("GET", "/v1/tasks")["tasks"]
    assert [one["gates"]["success"] for one in listed] == [True]
    assert "report" not in listed[0]["gates"]
    (attempt,) = team.attempts(task_id)
    assert attempt["verdict"] == "completed"


def _place(team: Team, host: Forge) -> dict[str, str]:
    with team.server.client_with(team.server.token(team.tenant)) as client:
        key = {"name": "forge", "provider": "generic", "token": TOKEN, "scope": ""}
        client.post("/api/v1/keys", json=key | {"host": f"127.0.0.1:{host.port}"})
    return {"repository_url": host.repository_url(REPOSITORY), "provider_key": "forge"}


def test_killed_in_the_middle_of_gates(dsn: str, start: Callable[..., Stage]) -> None:
    stage = start({"tests/test_shop.py": HELD}, dsn)
    server = stage.server
    stage.model.play(
        *(Tool("run", {"command": WRONG}), Say("Done.")),
        *(Tool("run", {"command": RIGHT}), Say("Right.")),
    )
    task_id = stage.ask(BuiltinCase(), {"attempts": 1})
    begun = tree(server, task_id) / "begun.txt"
    server.until(begun.exists, what="the tests have begun")
    client = follow(server, task_id)

    server.kill9()
    server.until(lambda: not processes_of(server), what="the tools have ended with the server")
    (begun.parent / "shop.py").write_text("raise SystemExit\n")  # as a suite may leave it
    begun.unlink()
    server.start()
    server.until(begun.exists, what="the tests have begun again")
    (begun.parent / "go").touch()

    task = server.wait(task_id)
    assert (task["status"], task["error"]) == ("completed", None)
    assert (task["gates"]["repairs"], len(stage.instructions())) == (1, 4)
    assert task["usage"]["input_tokens"] == 400
    assert stage.diff(task_id) == ["shop.py"]
    client.join().check()


def test_killed_in_a_repair(dsn: str, start: Callable[..., Stage]) -> None:
    stage = start(dsn=dsn)
    server = stage.server
    # Killed before the agent had saved its session, it begins anew, and must not wait again.
    once = f"{RIGHT}; test -e held || {{ touch held; sleep 600; }}"
    turns: list[Turn] = [Tool("run", {"command": WRONG}), Say("Done.")]
    stage.model.play(*turns, Tool("run", {"command": once}), Say("Right."))
    task_id = stage.ask(BuiltinCase(), {"attempts": 1})
    server.until((tree(server, task_id) / "held").exists, what="the repair is under way")

    server.kill9()
    server.until(lambda: not processes_of(server), what="the agent has ended with the server")
    server.start()

    task = server.wait(task_id)
    assert (task["status"], task["error"]) == ("completed", None)
    assert (task["gates"]["repairs"], task["gates"]["stopped"]) == (1, "passed")
    assert mentions(stage.instructions()[-1], "You were interrupted")
    assert told(stage, task_id) == ["repair_started", "repair_started", "repair_finished"]


def test_cancel_ends_the_tools(start: Callable[..., Stage]) -> None:
    stage = start({"tests/test_shop.py": HELD})
    stage.model.play(Tool("run", {"command": WRONG}), Say("Done."))
    task_id = stage.ask(BuiltinCase())
    begun = tree(stage.server, task_id) / "begun.txt"
    stage.server.until(begun.exists, what="the tests have begun")
    stage.server.client.post(f"/api/v1/tasks/{task_id}/cancel").raise_for_status()

    task = stage.server.wait(task_id)
    assert (task["status"], task["gates"]["stopped"]) == ("cancelled", "cancelled")
    assert not processes_of(stage.server)
    assert stage.diff(task_id) == ["shop.py"]


def test_orders_that_make_no_sense_say_which_field(start: Callable[..., Stage]) -> None:
    stage = start()
    for gates, field in (
        ({"attempts": 11}, "gates.attempts"),
        ({"budget_usd": 0}, "gates.budget_usd"),
        ({"atempts": 1}, "gates.atempts"),
    ):
        body = {"repo_url": "https://github.com/u/r.git", "prompt": "x", "gates": gates}
        answer = stage.server.client.post("/api/v1/tasks", json=body)
        assert answer.status_code == 400, answer.text
        assert field in answer.json()["fields"]
