"""The real Claude Code takes the model endpoint for Anthropic: what README.md says of it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import mcp_server
from tests.support.clis import CLAUDE_ALLOW, PLACEHOLDER, Claude
from tests.support.mcp_http import McpHttpServer
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import (
    Drop,
    EndlessStream,
    Fail,
    HugeLine,
    Say,
    Tool,
    Tools,
    Usage,
)

pytestmark = pytest.mark.real_cli


@pytest.fixture
def claude(claude_cli: Path, tmp_path: Path, model_endpoint: ModelEndpoint) -> Claude:
    for folder in ("home", "work"):
        (tmp_path / folder).mkdir()
    (tmp_path / "work/a.py").write_text("x = 1\n")
    return Claude(claude_cli, tmp_path / "home", tmp_path / "work", model_endpoint.url)


def mcp_flags(claude: Claude, server: dict[str, Any]) -> list[str]:
    config = claude.home / "mcp.json"
    config.write_text(json.dumps({"mcpServers": {"notes": server}}))
    return ["--mcp-config", str(config), "--strict-mcp-config"]


def test_it_edits_runs_calls_mcp_and_resumes(claude: Claude, model_endpoint: ModelEndpoint) -> None:
    note, source = claude.home / "note.txt", str(claude.cwd / "a.py")
    server = {
        "command": sys.executable,
        "args": [mcp_server.__file__],
        "env": {"NOTE_FILE": str(note)},
    }
    model_endpoint.play(
        Tools([Tool("Write", {"file_path": str(claude.cwd / "b.py"), "content": "y"})], text="On."),
        Tool("Read", {"file_path": source}),
        Tool("Edit", {"file_path": source, "old_string": "x = 1", "new_string": "x = 2"}),
        Tools([Tool("Bash", {"command": "cat a.py > c.py"}), Tool("Bash", {"command": "pwd"})]),
        Tool("mcp__notes__note", {"text": "remember"}),
        Say("All done.", thinking="Hm."),
        Say("Followed up.", usage=Usage(input=7, output=3, cache_read=2)),
    )
    run = claude.run("do the work", *CLAUDE_ALLOW, *mcp_flags(claude, server))
    assert run.exit_code == 0
    assert (run.last["subtype"], run.last["is_error"]) == ("success", False)
    assert run.last["result"] == "All done."
    assert run.last["usage"]["input_tokens"] == 600
    assert (claude.cwd / "c.py").read_text() == "x = 2\n"
    assert (claude.cwd / "b.py").exists()
    assert note.read_text() == "remember"
    assert run.events[0]["mcp_servers"][0]["name"] == "notes"
    assert {turn.credential for turn in model_endpoint.turns} == {PLACEHOLDER}
    session = run.last["session_id"]
    again = claude.run("and more", *CLAUDE_ALLOW, "--resume", session)
    assert again.last["session_id"] == session
    assert again.last["result"] == "Followed up."
    assert again.last["usage"]["input_tokens"] == 7
    assert again.last["usage"]["cache_read_input_tokens"] == 2
    assert "do the work" in json.dumps(model_endpoint.turns[-1].body["messages"])
    assert model_endpoint.problems == []


def test_an_mcp_server_over_http(claude: Claude, model_endpoint: ModelEndpoint) -> None:
    note = claude.home / "note.txt"
    model_endpoint.play(Tool("mcp__notes__note", {"text": "by http"}), Say("Done."))
    with McpHttpServer(str(note), token="t0ken") as server:
        headers = {"Authorization": "Bearer t0ken"}
        config = {"type": "http", "url": server.url + "/mcp", "headers": headers}
        claude.run("note it", *CLAUDE_ALLOW, *mcp_flags(claude, config))
    assert note.read_text() == "by http"


@pytest.mark.parametrize("status", [400, 401, 500])
def test_failures_are_called_success(
    claude: Claude, model_endpoint: ModelEndpoint, status: int
) -> None:
    model_endpoint.play(Fail(status, times=99))
    run = claude.run("go")
    assert run.exit_code == 1
    assert (run.last["subtype"], run.last["is_error"]) == ("success", True)
    assert run.last["api_error_status"] == status
    assert len(model_endpoint.turns) == (1 if status == 400 else 3)


def test_it_waits_out_a_rate_limit_and_a_reset(
    claude: Claude, model_endpoint: ModelEndpoint
) -> None:
    model_endpoint.play(Fail(429, retry_after=1), Drop(), Say("ok"))
    run = claude.run("go")
    assert run.last["result"] == "ok"
    assert [turn.body.get("stream") for turn in model_endpoint.turns] == [True, True, None]
    retries = [event for event in run.events if event.get("subtype") == "api_retry"]
    assert retries[0]["retry_delay_ms"] == 1000


def test_a_refused_connection(claude: Claude, model_endpoint: ModelEndpoint) -> None:
    model_endpoint.stop()
    run = claude.run("go", CLAUDE_CODE_MAX_RETRIES="1")
    assert run.exit_code == 1
    assert "ConnectionRefused" in run.last["result"]


def test_five_megabytes_on_one_line(claude: Claude, model_endpoint: ModelEndpoint) -> None:
    model_endpoint.play(HugeLine(bytes=5_000_000))
    with claude.talk(*CLAUDE_ALLOW) as talk:
        talk.prompt("go")
        assert len(talk.result()["result"]) == 5_000_000
        assert talk.finish() == 0


def test_an_interrupt_ends_the_prompt_but_not_the_session(
    claude: Claude, model_endpoint: ModelEndpoint
) -> None:
    running = claude.cwd / "running"
    command = f"touch {running}; sleep 60"
    model_endpoint.play(EndlessStream(), Tool("Bash", {"command": command}), Say("Back."))
    with claude.talk(*CLAUDE_ALLOW, "--include-partial-messages") as talk:
        talk.prompt("go")
        talk.read_until(lambda event: event["type"] == "stream_event")
        talk.interrupt()
        assert talk.result()["terminal_reason"] == "aborted_streaming"
        talk.prompt("again")
        talk.read_until(lambda event: event["type"] == "assistant")
        while not running.exists():
            assert talk.process.poll() is None
        talk.interrupt()
        result = talk.result()
        assert (result["subtype"], result["terminal_reason"]) == (
            "error_during_execution",
            "aborted_tools",
        )
        talk.prompt("once more")
        assert talk.result()["result"] == "Back."
        assert talk.finish() == 0
    model_endpoint.wait_for(lambda turns: turns[0].outcome == "hung up")


def test_it_asks_for_permission_over_stdio(claude: Claude, model_endpoint: ModelEndpoint) -> None:
    commands = [{"command": "touch allowed"}, {"command": "touch denied"}]
    decisions: list[dict[str, Any]] = [
        {"behavior": "allow", "updatedInput": commands[0]},
        {"behavior": "deny", "message": "not this one"},
    ]
    model_endpoint.play(*[Tool("Bash", command) for command in commands], Say("Done."))
    with claude.talk("--permission-mode", "default", "--permission-prompt-tool", "stdio") as talk:
        talk.prompt("go")
        for command, decision in zip(commands, decisions, strict=True):
            question = talk.read_until(lambda event: event["type"] == "control_request")[-1]
            assert question["request"]["subtype"] == "can_use_tool"
            assert question["request"]["tool_name"] == "Bash"
            assert question["request"]["input"] == command
            talk.decide(question, decision)
        denials = talk.result()["permission_denials"]
    assert [denial["tool_input"] for denial in denials] == [commands[1]]
    assert (claude.cwd / "allowed").exists()
    assert not (claude.cwd / "denied").exists()


@pytest.mark.parametrize(
    ("flags", "ran"),
    [
        ([], {"hook", "mcp"}),
        (["--strict-mcp-config"], {"hook"}),
        (["--setting-sources", "user"], set()),
    ],
)
def test_what_stops_a_tracked_configuration(
    claude: Claude, model_endpoint: ModelEndpoint, flags: list[str], ran: set[str]
) -> None:
    marks = claude.home / "marks"
    marks.mkdir()
    hooks = [{"hooks": [{"type": "command", "command": f"touch {marks}/hook"}]}]
    (claude.cwd / ".claude").mkdir()
    settings = json.dumps({"hooks": {"SessionStart": hooks}})
    (claude.cwd / ".claude/settings.json").write_text(settings)
    servers = {"evil": {"command": "touch", "args": [f"{marks}/mcp"]}}
    (claude.cwd / ".mcp.json").write_text(json.dumps({"mcpServers": servers}))
    model_endpoint.play(Say("Done."))
    claude.run("go", *CLAUDE_ALLOW, *flags)
    assert {mark.name for mark in marks.iterdir()} == ran
