"""The real Codex takes the model endpoint for OpenAI: what README.md says of it."""

import dataclasses
import json
import sys
from pathlib import Path

import pytest

from tests.support import mcp_server
from tests.support.clis import PLACEHOLDER, Codex
from tests.support.mcp_http import McpHttpServer
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import Drop, Fail, HugeLine, Say, Tool, Usage

pytestmark = pytest.mark.real_cli

PATCH = "*** Begin Patch\n*** Update File: a.py\n@@\n-x = {old}\n+x = {new}\n*** End Patch\n"


@pytest.fixture
def codex(codex_cli: Path, tmp_path: Path, model_endpoint: ModelEndpoint) -> Codex:
    for folder in ("home", "work"):
        (tmp_path / folder).mkdir()
    (tmp_path / "work/a.py").write_text("x = 1\n")
    return Codex(codex_cli, tmp_path / "home", tmp_path / "work", model_endpoint.url)


def with_notes(codex: Codex, note: Path) -> Codex:
    table = (
        f'[mcp_servers.notes]\ncommand = "{sys.executable}"\nargs = ["{mcp_server.__file__}"]\n'
        f'env = {{ NOTE_FILE = "{note}" }}\n'
    )
    return dataclasses.replace(codex, mcp=table)


def items(events: list[dict[str, object]]) -> list[str]:
    done = [event["item"] for event in events if event["type"] == "item.completed"]
    return [str(item["type"]) for item in done if isinstance(item, dict)]


def test_it_edits_runs_calls_mcp_and_resumes(codex: Codex, model_endpoint: ModelEndpoint) -> None:
    note = codex.home / "note.txt"
    codex = with_notes(codex, note)
    heredoc = f"apply_patch <<'EOF'\n{PATCH.format(old=2, new=3)}EOF\n"
    model_endpoint.play(
        Tool("exec_command", {"cmd": "cp a.py b.py"}),
        Tool("apply_patch", PATCH.format(old=1, new=2)),
        Tool("exec_command", {"cmd": heredoc}),
        Tool("note", {"text": "remember"}, namespace="mcp__notes"),
        Say("All done.", thinking="Hm."),
        Say("Followed up.", usage=Usage(input=7, output=3, cache_read=2)),
    )
    run = codex.run("do the work")
    assert run.exit_code == 0
    assert items(run.events) == [
        "command_execution",
        "file_change",
        "file_change",
        "mcp_tool_call",
        "reasoning",
        "agent_message",
    ]
    assert run.last["usage"]["input_tokens"] == 500
    assert (codex.cwd / "a.py").read_text() == "x = 3\n"
    assert (codex.cwd / "b.py").read_text() == "x = 1\n"
    assert note.read_text() == "remember"
    assert {turn.credential for turn in model_endpoint.turns} == {PLACEHOLDER}
    thread = run.events[0]["thread_id"]
    again = codex.run("and more", resume=thread)
    assert again.events[0]["thread_id"] == thread
    assert again.last["usage"]["input_tokens"] == 509  # the sum over the thread
    assert again.last["usage"]["cached_input_tokens"] == 2
    assert "do the work" in json.dumps(model_endpoint.turns[-1].body["input"])
    assert model_endpoint.problems == []


def test_an_mcp_server_over_http(codex: Codex, model_endpoint: ModelEndpoint) -> None:
    note = codex.home / "note.txt"
    model_endpoint.play(Tool("note", {"text": "by http"}, namespace="mcp__notes"), Say("Done."))
    with McpHttpServer(str(note), token=PLACEHOLDER) as server:
        table = (
            f'[mcp_servers.notes]\nurl = "{server.url}/mcp"\n'
            'bearer_token_env_var = "OPENAI_API_KEY"\n'
        )
        dataclasses.replace(codex, mcp=table).run("note it")
    assert note.read_text() == "by http"


@pytest.mark.parametrize(("status", "requests"), [(400, 1), (401, 3), (429, 1), (500, 9)])
def test_failures_end_the_turn(
    codex: Codex, model_endpoint: ModelEndpoint, status: int, requests: int
) -> None:
    model_endpoint.play(Fail(status, times=99))
    run = codex.run("go")
    assert run.exit_code == 1
    assert run.last["type"] == "turn.failed"
    assert len(model_endpoint.turns) == requests


def test_it_waits_out_a_rate_limit_and_a_reset(codex: Codex, model_endpoint: ModelEndpoint) -> None:
    model_endpoint.play(Fail(429, retry_after=1), Drop(), Say("ok"))
    run = codex.run("go")
    assert items(run.events) == ["agent_message"]
    assert len([event for event in run.events if event["type"] == "error"]) == 2


def test_five_megabytes_on_one_line(codex: Codex, model_endpoint: ModelEndpoint) -> None:
    model_endpoint.play(HugeLine(bytes=5_000_000))
    message = codex.run("go").of_type("item.completed")[-1]["item"]
    assert len(message["text"]) == 5_000_000
