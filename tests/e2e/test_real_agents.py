"""The real Claude Code and Codex through the whole server, against a scripted model."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.runtime.cases import (
    REAL_KEY,
    ClaudeCase,
    CodexCase,
    RuntimeCase,
    mentions,
)
from tests.e2e.scene import REPOSITORY, follow, names, processes_of, tree
from tests.support import mcp_server
from tests.support.fixtures import TOKEN
from tests.support.git_http import GitFault, GitServer
from tests.support.mcp_http import McpHttpServer
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import EndlessStream, Fail, HugeLine, Say, Turn, Usage
from tests.support.npm import node_modules
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer

pytestmark = [pytest.mark.e2e, pytest.mark.real_cli]
FILES = {"README.md": "A shop.\n", "mcp_server.py": Path(mcp_server.__file__).read_text()}
MILLION = 1_000_000


@dataclass
class Stage:
    """A server with both CLIs, the model that they ask, and the host of a repository."""

    server: LemnosServer
    model: ModelEndpoint
    host: GitServer
    case: RuntimeCase = field(default_factory=ClaudeCase)

    def create(self, *, cli: str | None = None, **config: Any) -> str:
        """Create a task that does not get to its model before the script is there."""
        self.host.git.break_down(GitFault(delay=60))
        config |= {"cli": self.case.name if cli is None else cli, "ai_model": self.case.model}
        config = {"timeout_seconds": 60} | config
        task = self.server.create(
            repo_url=self.host.repository_url(REPOSITORY),
            access_token=TOKEN,
            prompt="Do what the script says.",
            config=config,
        )
        return str(task["id"])

    def play(self, *turns: Turn) -> None:
        """Let the task begin, with this script."""
        self.model.play(*turns)
        self.host.git.recover()

    def file(self, task_id: str, name: str) -> Path:
        return tree(self.server, task_id) / name

    def ended(self, task_id: str) -> dict[str, Any]:
        """The task at rest; checks that it has left nothing running and leaked no key."""
        task = self.server.wait(task_id)
        assert not processes_of(self.server)
        assert REAL_KEY not in str(self.server.events(task_id))
        return task

    def instruct(self, task_id: str, prompt: str, **more: Any) -> None:
        path = f"/api/v1/tasks/{task_id}/instruct"
        answer = self.server.client.post(path, json={"prompt": prompt, **more})
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("agents")
    with GitServer(folder / "git", TOKEN) as host, ModelEndpoint() as model:
        host.create(REPOSITORY, FILES)
        server = LemnosServer(folder, allowed_hosts=["127.0.0.1"], env=_settings(model))
        with server:
            yield Stage(server, model, host)


@pytest.fixture(params=[ClaudeCase(), CodexCase()], ids=lambda case: case.name)
def either(request: pytest.FixtureRequest, stage: Stage) -> Stage:
    """The stage with one agent or the other."""
    case: RuntimeCase = request.param
    _require({"claude-code": "claude"}.get(case.name, case.name))
    return Stage(stage.server, stage.model, stage.host, case)


@pytest.fixture
def claude(stage: Stage) -> Stage:
    _require("claude")
    return stage


def test_edits_a_file_runs_a_command_and_follows_up(either: Stage) -> None:
    task_id = either.create()
    path = either.file(task_id, "answer.py")
    write, run = either.case.write(path, "ANSWER = 42\n"), either.case.shell("wc -l README.md")
    either.play(write, run, Say("Written."))

    task = either.ended(task_id)
    assert (task["status"], task["result"]) == ("completed", "Written.")
    assert task["cli"] == either.case.name
    assert task["changes_summary"] == {"files_changed": 1, "insertions": 1, "deletions": 0}
    assert (task["usage"]["input_tokens"], task["usage"]["output_tokens"]) == (300, 60)
    diff = either.server.client.get(f"/api/v1/tasks/{task_id}/diff").json()
    assert [file["path"] for file in diff["files"]] == ["answer.py"]

    either.model.play(Say("I do."))
    either.instruct(task_id, "Do you remember?")

    task = either.ended(task_id)
    assert (task["status"], task["result"]) == ("completed", "I do.")
    assert mentions(either.model.turns[-1].body, "Do what the script says.")
    assert task["usage"]["input_tokens"] == 400
    iterations = either.server.task(task_id, "iterations")["iterations"]
    assert [one["result"] for one in iterations] == ["Written.", "I do."]
    assert iterations[1]["usage"]["input_tokens"] == 100
    follow(either.server, task_id).join().check()


def test_calls_global_mcp_servers_and_those_of_the_task(either: Stage, tmp_path: Path) -> None:
    for_all, for_one = tmp_path / "all.txt", tmp_path / "one.txt"
    with McpHttpServer(str(for_all)) as all_notes, McpHttpServer(str(for_one)) as one_notes:
        either.server.client.post(
            "/api/v1/mcp/servers", json={"name": "notes", "url": f"{all_notes.url}/mcp"}
        ).raise_for_status()
        try:
            task_id = either.create()
            either.play(either.case.note("by the global one"), Say("Noted."))
            assert either.ended(task_id)["status"] == "completed"
            own = [{"name": "notes", "url": f"{one_notes.url}/mcp"}]
            task_id = either.create(mcp_servers=own)
            either.play(either.case.note("by the task's own"), Say("Noted."))
            assert either.ended(task_id)["status"] == "completed"
        finally:
            either.server.client.delete("/api/v1/mcp/servers/notes").raise_for_status()
    assert for_all.read_text() == "by the global one"
    assert for_one.read_text() == "by the task's own"


def test_calls_an_mcp_server_over_stdio(claude: Stage) -> None:
    server = {
        "name": "notes",
        "command": "python3",
        "args": ["mcp_server.py"],
        "env": {"NOTE_FILE": "note.txt"},
    }
    task_id = claude.create(mcp_servers=[server])
    claude.play(claude.case.note("over stdio"), Say("Noted."))

    task = claude.ended(task_id)
    assert task["status"] == "completed"
    assert claude.file(task_id, "note.txt").read_text() == "over stdio"
    assert task["changes_summary"]["files_changed"] == 1  # no .mcp.json beside the note


def test_cancelled_in_the_middle_of_a_tool(either: Stage) -> None:
    task_id = either.create()
    either.play(either.case.shell("touch began; sleep 600"), Say("Never."))
    either.server.until(either.file(task_id, "began").exists, what="the tool runs")

    either.server.client.post(f"/api/v1/tasks/{task_id}/cancel").raise_for_status()

    task = either.ended(task_id)
    assert task["status"] == "cancelled"
    assert task["changes_summary"]["files_changed"] == 1


@pytest.mark.parametrize(("status", "error_class"), [(401, "auth"), (500, None)])
def test_a_model_that_refuses(either: Stage, status: int, error_class: str | None) -> None:
    task_id = either.create()
    either.play(Fail(status, times=1000))

    task = either.ended(task_id)
    assert task["status"] == "failed"
    assert task["error"]
    assert error_class is None or task["error_class"] == error_class


def test_a_model_that_is_busy_is_asked_again(either: Stage) -> None:
    task_id = either.create()
    either.play(Fail(429, retry_after=1), Say("At last."))

    task = either.ended(task_id)
    assert (task["status"], task["result"]) == ("completed", "At last.")


def test_a_model_that_is_not_there(claude: Stage) -> None:
    port = claude.model.port
    task_id = claude.create()
    claude.model.stop()
    try:
        claude.host.git.recover()
        task = claude.ended(task_id)
    finally:
        claude.model.start(port)
    assert (task["status"], task["error_class"]) == ("failed", "network")


def test_a_stream_without_end_meets_the_timeout(either: Stage) -> None:
    task_id = either.create(timeout_seconds=6)
    either.play(EndlessStream())

    task = either.ended(task_id)
    assert (task["status"], task["error_class"]) == ("failed", "timeout")


def test_a_line_of_five_megabytes(either: Stage) -> None:
    task_id = either.create()
    either.play(HugeLine(), Say("Done."))

    task = either.ended(task_id)
    assert task["status"] == "completed"
    client = follow(either.server, task_id).join()
    client.check()
    longest = max(client.events, key=lambda event: len(json.dumps(event.data["data"])))
    assert "x" * 5 * MILLION in json.dumps(longest.data["data"])


def test_a_budget_stops_the_run_and_a_higher_one_goes_on(claude: Stage) -> None:
    task_id = claude.create(max_budget_usd=0.5)
    path = claude.file(task_id, "half.txt")
    claude.play(
        claude.case.write(path, "half of it\n"),
        claude.case.shell("true"),
        _expensive(claude.case.shell("true")),
        Say("Too late."),
    )

    task = claude.ended(task_id)
    assert (task["status"], task["paused"], task["error_class"]) == ("failed", True, "budget")
    assert task["usage"]["cost_usd"] >= 0.5
    diff = claude.server.client.get(f"/api/v1/tasks/{task_id}/diff").json()
    assert [file["path"] for file in diff["files"]] == ["half.txt"]
    assert "task_paused" in names(claude.server.events(task_id))

    claude.model.play(Say("The rest."))
    claude.instruct(task_id, "Go on.", max_budget_usd=100)

    task = claude.ended(task_id)
    assert (task["status"], task["paused"], task["result"]) == ("completed", False, "The rest.")


def test_a_session_that_is_lost_begins_anew(either: Stage) -> None:
    """As on another node: the work is there, the agent's home is not."""
    task_id = either.create()
    either.play(Say("First."))
    assert either.ended(task_id)["status"] == "completed"
    home = either.file(task_id, "").parent / "home"
    shutil.rmtree(home)
    home.mkdir()

    either.model.play(Say("Second."))
    either.instruct(task_id, "And now?")

    task = either.ended(task_id)
    assert (task["status"], task["result"]) == ("completed", "Second.")
    assert mentions(either.model.turns[-1].body, "that session is lost")
    assert mentions(either.model.turns[-1].body, "Do what the script says.")


def test_killed_with_the_server_it_goes_on_in_its_session(either: Stage) -> None:
    task_id = either.create()
    # Killed before the agent had saved its session, it begins anew, and must not wait again.
    once = "test -e began || { touch began; sleep 600; }"
    either.play(either.case.shell(once), Say("Resumed."))
    client = follow(either.server, task_id)
    either.server.until(either.file(task_id, "began").exists, what="the tool runs")

    either.server.kill9()
    either.server.start()

    task = either.ended(task_id)
    assert (task["status"], task["result"]) == ("completed", "Resumed.")
    assert mentions(either.model.turns[-1].body, "You were interrupted")
    client.join().check()


def test_claude_code_is_the_default_where_it_can_work(claude: Stage) -> None:
    task_id = claude.create(cli="")
    claude.play(Say("Done."))

    task = claude.ended(task_id)
    assert (task["status"], task["cli"]) == ("completed", "claude-code")
    assert "installed" in task["cli_reason"]
    assert "key" in task["cli_reason"]


def test_without_a_key_the_built_in_agent_is(claude: Stage, make_server: MakeServer) -> None:
    env = {"LEMNOS_CLAUDE_PATH": str(node_modules() / ".bin" / "claude")}
    server = make_server(allowed_hosts=["127.0.0.1"], env=env).start()
    task = server.create(
        repo_url=claude.host.repository_url(REPOSITORY), access_token=TOKEN, prompt="run: true"
    )

    task = server.wait(task["id"], "completed")
    assert task["cli"] == "builtin"
    assert "no key" in task["cli_reason"]


def _settings(model: ModelEndpoint) -> dict[str, str]:
    commands = node_modules() / ".bin"
    return {
        "LEMNOS_CLAUDE_PATH": str(commands / "claude"),
        "LEMNOS_CODEX_PATH": str(commands / "codex"),
        "LEMNOS_ANTHROPIC_BASE_URL": model.url,
        "LEMNOS_ANTHROPIC_API_KEY": REAL_KEY,
        "LEMNOS_OPENAI_BASE_URL": f"{model.url}/v1",
        "LEMNOS_OPENAI_API_KEY": REAL_KEY,
    }


def _require(name: str) -> None:
    if not os.access(node_modules() / ".bin" / name, os.X_OK):
        pytest.skip(f"NOT TESTED: {name} is missing in {node_modules()}; set LEMNOS_NPM_DIR")


def _expensive(turn: Any) -> Any:
    return type(turn)(turn.name, turn.input, Usage(input=MILLION))
