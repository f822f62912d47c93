"""The runtime port's conformance suite: real agents, a scripted model, a real sandbox."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lemnos.domains.agents.ports import AgentRun, ErrorClass, EventKind, McpServer, Verdict
from lemnos.runners.sandbox.entry_command import python
from tests.conformance.runtime.cases import REAL_KEY, mentions
from tests.conformance.runtime.conftest import SUPPORT, Bench, kinds, of
from tests.support.mcp_http import McpHttpServer
from tests.support.model_script import (
    EndlessStream,
    Fail,
    HugeLine,
    Say,
    Script,
    Usage,
)

pytestmark = pytest.mark.real_cli
MEGA = 1_000_000


async def test_edits_a_file(bench: Bench) -> None:
    path = bench.spec.workspace / "answer.py"
    bench.endpoint.play(bench.case.write(path, "ANSWER = 42\n"), Say("Written."))

    events, result = await bench.run()

    assert path.read_text() == "ANSWER = 42\n"
    assert (result.verdict, result.text) == (Verdict.COMPLETED, "Written.")
    assert (result.usage.input_tokens, result.usage.output_tokens) == (200, 40)
    assert result.usage.cost_usd == pytest.approx(200 * 3e-6 + 40 * 15e-6)
    assert result.session
    assert [event.detail["path"] for event in of(events, EventKind.FILE_CHANGE)] == [str(path)]
    seen = kinds(events)
    assert (seen[0], seen[-1]) == (EventKind.STARTED, EventKind.EXITED)
    assert {EventKind.TOOL_USE, EventKind.TOOL_RESULT, EventKind.USAGE, EventKind.TEXT} <= {*seen}
    assert all(isinstance(json.loads(event.raw), dict) for event in events)


async def test_the_credential_stays_outside(bench: Bench) -> None:
    found = bench.spec.workspace / "found.txt"
    bench.endpoint.play(
        bench.case.shell(f"cat /proc/*/environ ~/.*/* ~/* > {found} 2>/dev/null; true"),
        Say("Looked."),
    )

    events, result = await bench.run()

    assert result.verdict is Verdict.COMPLETED
    assert {exchange.credential for exchange in bench.endpoint.turns} == {REAL_KEY}
    assert found.stat().st_size > 0
    assert REAL_KEY.encode() not in found.read_bytes()
    assert not any(REAL_KEY.encode() in event.raw for event in events)


async def test_runs_a_command_and_knows_when_it_fails(bench: Bench) -> None:
    bench.endpoint.play(
        bench.case.shell("echo made by a command > made.txt"),
        bench.case.shell("exit 3"),
        Say("Ran."),
    )

    events, result = await bench.run()

    assert (bench.spec.workspace / "made.txt").read_text() == "made by a command\n"
    assert result.verdict is Verdict.COMPLETED
    failed = [event.detail["is_error"] for event in of(events, EventKind.TOOL_RESULT)]
    assert failed == [False, True]


async def test_calls_an_mcp_server_over_stdio(bench: Bench) -> None:
    note = bench.spec.workspace / "note.txt"
    server = McpServer(
        "notes",
        command=(str(python()), str(SUPPORT / "mcp_server.py")),
        env={"NOTE_FILE": str(note)},
    )
    bench.endpoint.play(bench.case.note("remember"), Say("Noted."))

    _, result = await bench.run(mcp_servers=(server,))

    assert result.verdict is Verdict.COMPLETED
    assert note.read_text() == "remember"
    assert not (bench.spec.workspace / ".mcp.json").exists()


async def test_calls_an_mcp_server_over_http_whose_token_it_never_sees(
    bench: Bench, tmp_path: Path
) -> None:
    note = tmp_path / "note.txt"
    secret = "token-of-the-mcp-server"
    bench.endpoint.play(bench.case.note("over http"), Say("Noted."))
    with McpHttpServer(str(note), secret) as notes:
        server = McpServer(
            "notes", url=f"{notes.url}/mcp", headers={"Authorization": f"Bearer {secret}"}
        )
        events, result = await bench.run(mcp_servers=(server,))

    assert result.verdict is Verdict.COMPLETED
    assert note.read_text() == "over http"
    files = (path for path in bench.spec.home.rglob("*") if path.is_file())
    assert not any(secret.encode() in path.read_bytes() for path in files)
    assert not any(secret.encode() in event.raw for event in events)


async def test_a_repositorys_own_settings_run_nothing(bench: Bench) -> None:
    bench.case.booby_trap(bench.spec.workspace)
    subprocess.run(["git", "init", "-q"], cwd=bench.spec.workspace, check=True)
    bench.endpoint.play(bench.case.shell("true"), Say("Done."))

    _, result = await bench.run()

    assert result.verdict is Verdict.COMPLETED
    assert not (bench.spec.workspace / "sprung").exists()


async def test_follows_up_in_the_same_session(bench: Bench) -> None:
    bench.endpoint.play(
        Script([Say("First done.")], when="the first prompt"),
        Script([Say("Second done.")], when="the second prompt"),
    )

    _, first = await bench.run(prompt="This is the first prompt.")
    _, second = await bench.run(
        run_id="task-2", prompt="This is the second prompt.", resume=first.session
    )

    assert (second.verdict, second.text) == (Verdict.COMPLETED, "Second done.")
    assert second.session == first.session
    assert mentions(bench.endpoint.turns[-1].body, "the first prompt")
    assert second.usage.input_tokens == 100


async def test_is_cancelled_in_the_middle_of_a_tool(bench: Bench) -> None:
    begun = bench.spec.workspace / "begun"
    bench.endpoint.play(bench.case.shell("touch begun; setsid sleep 98765 & sleep 98765"))

    run = await bench.start()
    reading = asyncio.ensure_future(_drain(run))
    await _until(begun.exists)
    await run.cancel()
    await reading

    assert run.result.verdict is Verdict.CANCELLED
    assert run.result.session
    assert not _alive("98765")


async def test_a_wrong_key_is_an_auth_failure(bench: Bench) -> None:
    bench.endpoint.play(Fail(401, times=99))

    _, result = await bench.run()

    assert (result.verdict, result.error_class) == (Verdict.FAILED, ErrorClass.AUTH)
    assert result.error


async def test_a_rate_limit_is_waited_out(bench: Bench) -> None:
    bench.endpoint.play(Fail(429, retry_after=1), Say("After all."))

    _, result = await bench.run()

    assert (result.verdict, result.text) == (Verdict.COMPLETED, "After all.")


async def test_a_server_error_that_stays_is_a_network_failure(bench: Bench) -> None:
    bench.endpoint.play(Fail(500, times=99))

    _, result = await bench.run()

    assert (result.verdict, result.error_class) == (Verdict.FAILED, ErrorClass.NETWORK)


async def test_a_refused_connection_is_a_network_failure(bench: Bench) -> None:
    _, result = await bench.run(access=bench.case.access("http://127.0.0.1:9"))

    assert (result.verdict, result.error_class) == (Verdict.FAILED, ErrorClass.NETWORK)


async def test_an_endless_answer_ends_at_the_time_limit_and_work_is_kept(bench: Bench) -> None:
    path = bench.spec.workspace / "kept.txt"
    bench.endpoint.play(bench.case.write(path, "kept\n"), EndlessStream(times=99))

    # Long enough for the second answer to begin on a busy machine.
    _, result = await bench.run(limits=bench.limited(timeout=15))

    assert (result.verdict, result.error_class) == (Verdict.TIMED_OUT, ErrorClass.TIMEOUT)
    assert path.read_text() == "kept\n"
    assert result.usage.output_tokens > 20  # the cut-off answer counts, as far as it came


async def test_a_line_of_five_megabytes_passes(bench: Bench) -> None:
    bench.endpoint.play(HugeLine(5 * MEGA))

    events, result = await bench.run()

    assert result.verdict is Verdict.COMPLETED
    assert result.text == "x" * 5 * MEGA
    assert max(len(event.raw) for event in events) > 5 * MEGA


async def test_the_budget_ends_a_run_in_the_middle_and_work_is_kept(bench: Bench) -> None:
    path = bench.spec.workspace / "kept.txt"
    write = bench.case.write(path, "kept\n")
    expensive = Usage(input=MEGA, output=20)  # three dollars
    bench.endpoint.play(
        write, bench.case.shell("true"), Say("Never said.", usage=expensive), Say("Nor this.")
    )

    events, result = await bench.run(limits=bench.limited(max_budget_usd=2.0))

    assert (result.verdict, result.error_class) == (Verdict.OVER_BUDGET, ErrorClass.BUDGET)
    assert path.read_text() == "kept\n"
    assert result.usage.cost_usd == pytest.approx(3.0, abs=0.01)
    assert len(bench.endpoint.turns) == 3
    assert any(event.detail.get("error_class") == "budget" for event in events)


async def test_a_budget_needs_a_price(bench: Bench) -> None:
    bench.endpoint.play(Say("Never said."))

    _, result = await bench.run(model="model-x", limits=bench.limited(max_budget_usd=2.0))

    assert (result.verdict, result.error_class) == (Verdict.FAILED, ErrorClass.BUDGET)
    assert "price" in result.error
    assert bench.endpoint.turns == []


async def test_the_turns_are_limited(bench: Bench) -> None:
    bench.endpoint.play(*[bench.case.shell("true")] * 5, Say("Never said."))

    _, result = await bench.run(limits=bench.limited(max_turns=2))

    assert (result.verdict, result.error_class) == (Verdict.FAILED, ErrorClass.AGENT)
    assert "2 turns" in result.error
    assert len(bench.endpoint.turns) == 2


async def test_an_agent_that_is_not_installed_says_so(bench: Bench) -> None:
    runtime = bench.case.absent(bench.host)

    run = await runtime.start(bench.spec)
    events = [event async for event in run]

    assert not (await runtime.probe()).installed
    assert run.result.error_class is ErrorClass.NOT_INSTALLED
    assert kinds(events) == [EventKind.ERROR]


async def test_the_probe_tells_the_version(bench: Bench) -> None:
    status = await bench.case.make(bench.host).probe()

    assert status.installed, status.problem
    assert any(letter.isdigit() for letter in status.version)


async def _drain(run: AgentRun) -> None:
    async for _ in run:
        pass


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  the agent, not this loop, makes it true
            await asyncio.sleep(0.02)


def _alive(argument: str) -> bool:
    """Whether any process of this machine has the argument."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if argument.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False
