"""The ACP runtime against a real agent of the protocol, in a real sandbox.

The agent is tests/support/acp_agent.py: it has no model, its prompt is its script.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lemnos.domains.agents.ports import (
    AgentEvent,
    AgentRun,
    ErrorClass,
    EventKind,
    Limits,
    McpServer,
    RunResult,
    RunSpec,
    Verdict,
)
from lemnos.runners.runtimes.acp import AcpAgent, AcpRuntime
from lemnos.runners.runtimes.host import Host
from lemnos.runners.sandbox.entry_command import python
from tests.conformance.runtime.conftest import SUPPORT, of

PREFIX = Path(sys.prefix)


class AcpBench:
    """Runs the scripted agent, and keeps what came of it."""

    def __init__(self, host: Host, spec: RunSpec) -> None:
        self.host = host
        self.spec = spec

    def runtime(self, *arguments: str) -> AcpRuntime:
        command = (sys.executable, str(SUPPORT / "acp_agent.py"), *arguments)
        agent = AcpAgent("scripted", command, env={"GREETING": "hi"}, read_only=(PREFIX,))
        return AcpRuntime(self.host, agent)

    async def start(self, *arguments: str, **changes: Any) -> AgentRun:
        return await self.runtime(*arguments).start(replace(self.spec, **changes))

    async def run(self, *arguments: str, **changes: Any) -> tuple[list[AgentEvent], RunResult]:
        run = await self.start(*arguments, **changes)
        events = [event async for event in run]
        return events, run.result


@pytest.fixture
def acp(host: Host, tmp_path: Path) -> AcpBench:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    limits = Limits(timeout=60)
    spec = RunSpec("task", "task-1", workspace, tmp_path / "home", "say hello", limits=limits)
    return AcpBench(host, spec)


async def test_edits_a_file_and_runs_a_command(acp: AcpBench) -> None:
    prompt = "say Starting.\nwrite a.txt words\nrun cat a.txt; echo $GREETING\nsay Done."

    events, result = await acp.run(prompt=prompt)

    assert (result.verdict, result.text) == (Verdict.COMPLETED, "Done.")
    assert (acp.spec.workspace / "a.txt").read_text() == "words\n"
    changes = [dict(event.detail) for event in of(events, EventKind.FILE_CHANGE)]
    assert changes == [{"path": "a.txt", "change": "created"}]
    assert [e.detail["text"] for e in of(events, EventKind.TOOL_RESULT)][-1] == "words\nhi\n"
    assert of(events, EventKind.TOOL_USE)[0].detail["tool"] == "write a.txt"
    assert events[0].kind is EventKind.STARTED
    assert events[-1].kind is EventKind.EXITED
    assert len(of(events, EventKind.RESULT)) == 1


async def test_a_command_that_fails_is_told(acp: AcpBench) -> None:
    events, result = await acp.run(prompt="run exit 3")
    assert result.verdict is Verdict.COMPLETED
    assert [e.detail["is_error"] for e in of(events, EventKind.TOOL_RESULT)] == [True]


async def test_follows_up_in_the_same_session_without_repeating_it(acp: AcpBench) -> None:
    _, first = await acp.run(prompt="say one")
    events, second = await acp.run(prompt="recall", resume=first.session, run_id="task-2")
    assert second.session == first.session
    assert second.text == "before: ['say one']"
    assert not any("replayed" in str(e.detail) for e in of(events, EventKind.TEXT))


async def test_an_agent_without_sessions_cannot_follow_up_and_says_so(acp: AcpBench) -> None:
    _, first = await acp.run("--forgetful")
    _, second = await acp.run("--forgetful", resume=first.session)
    assert second.verdict is Verdict.FAILED
    assert "cannot take up an earlier session" in second.error


async def test_is_cancelled_by_the_protocol(acp: AcpBench) -> None:
    run = await acp.start(prompt="sleep")
    events: list[AgentEvent] = []
    reading = asyncio.create_task(drain(run, events))
    await until(lambda: bool(of(events, EventKind.TOOL_USE)))
    await run.cancel()
    await reading
    assert run.result.verdict is Verdict.CANCELLED
    assert [e.detail["stop_reason"] for e in of(events, EventKind.RESULT)] == ["cancelled"]


async def test_a_deaf_agent_ends_at_the_time_limit_with_all_its_processes(acp: AcpBench) -> None:
    _, result = await acp.run(prompt="write kept.txt words\nhang", limits=Limits(timeout=3))
    assert (result.verdict, result.error_class) == (Verdict.TIMED_OUT, ErrorClass.TIMEOUT)
    assert (acp.spec.workspace / "kept.txt").exists()
    await until(lambda: not alive("36000.25"))


async def test_a_crash_is_a_failure_with_its_words(acp: AcpBench) -> None:
    _, result = await acp.run(prompt="crash")
    assert (result.verdict, result.error_class) == (Verdict.FAILED, ErrorClass.AGENT)
    assert "exit code 7" in result.error
    assert "the agent has crashed" in result.error


async def test_a_refusal_is_no_success(acp: AcpBench) -> None:
    _, result = await acp.run(prompt="refuse")
    assert result.verdict is Verdict.FAILED
    assert "refused" in result.error


async def test_a_line_of_five_megabytes_passes(acp: AcpBench) -> None:
    events, result = await acp.run(prompt="huge 5000000")
    assert (result.verdict, len(result.text)) == (Verdict.COMPLETED, 5_000_000)
    assert max(len(event.raw) for event in events) > 5_000_000


async def test_calls_an_mcp_server(acp: AcpBench) -> None:
    note = acp.spec.workspace / "note.txt"
    command = (str(python()), str(SUPPORT / "mcp_server.py"))
    server = McpServer("notes", command, env={"NOTE_FILE": str(note)})
    _, result = await acp.run(prompt="note remember", mcp_servers=(server,))
    assert result.verdict is Verdict.COMPLETED, result.error
    assert note.read_text() == "remember"


async def test_an_mcp_server_over_http_needs_an_agent_that_can(acp: AcpBench) -> None:
    server = McpServer("notes", url="http://127.0.0.1:9/mcp")
    _, result = await acp.run(mcp_servers=(server,))
    assert result.verdict is Verdict.FAILED
    assert "cannot use MCP servers over HTTP" in result.error


async def test_permission_is_given_inside_the_workspace_once(acp: AcpBench) -> None:
    _, result = await acp.run(prompt="ask inside.txt")
    assert result.text == "permission: allow_once"
    assert (acp.spec.workspace / "inside.txt").exists()


@pytest.mark.parametrize("path", ["/srv/outside.txt", "/etc/passwd"])
async def test_permission_is_refused_outside_of_it(acp: AcpBench, path: str) -> None:
    _, result = await acp.run(prompt=f"ask {path}")
    assert result.text == "permission: reject_once"


async def test_an_agent_that_is_not_installed_says_so(acp: AcpBench) -> None:
    runtime = AcpRuntime(acp.host, AcpAgent("none", ("/nowhere/agent",)))
    run = await runtime.start(acp.spec)
    events = [event async for event in run]
    assert not (await runtime.probe()).installed
    assert run.result.error_class is ErrorClass.NOT_INSTALLED
    assert [event.kind for event in events] == [EventKind.ERROR]


async def test_a_program_that_speaks_something_else_fails(acp: AcpBench) -> None:
    runtime = AcpRuntime(acp.host, AcpAgent("echo", ("/bin/echo", "not json")))
    run = await runtime.start(acp.spec)
    events = [event async for event in run]
    assert run.result.verdict is Verdict.FAILED
    assert "without an answer" in run.result.error
    assert any(event.detail.get("text") == "not json" for event in events)


async def drain(run: AgentRun, events: list[AgentEvent]) -> None:
    async for event in run:
        events.append(event)  # noqa: PERF401  one by one, for who looks on


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  files and processes send no events
            await asyncio.sleep(0.02)


def alive(argument: str) -> bool:
    """Whether any process of this machine has the argument."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if argument.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False
