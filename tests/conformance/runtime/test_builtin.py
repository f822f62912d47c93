"""The built-in agent without a model, as its runtime starts it: in the sandbox."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from lemnos.domains.agents.ports import (
    ErrorClass,
    EventKind,
    Limits,
    ModelAccess,
    RunSpec,
    Verdict,
)
from lemnos.runners.builtin.sample import PROMPT, write_sample
from lemnos.runners.runtimes.builtin import BuiltinAgent
from lemnos.runners.runtimes.host import Host
from lemnos.runners.sandbox.proc import descendants, processes
from tests.conformance.runtime.conftest import of
from tests.conformance.runtime.test_acp import alive, drain, until


@pytest.fixture
def spec(tmp_path: Path) -> RunSpec:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    limits = Limits(timeout=60)
    return RunSpec("task", "task-1", workspace, tmp_path / "home", PROMPT, limits=limits)


async def test_mends_the_sample_without_key_or_network(host: Host, spec: RunSpec) -> None:
    write_sample(spec.workspace)
    run = await BuiltinAgent(host).start(spec)
    events = [event async for event in run]
    assert run.result.verdict is Verdict.COMPLETED, run.result
    assert "8 passed, 0 failed after" in run.result.text
    changed = {Path(event.detail["path"]).name for event in of(events, EventKind.FILE_CHANGE)}
    assert changed == {"catalog.py", "pricing.py", "receipt.py"}
    assert not list(spec.workspace.rglob("__pycache__"))


async def test_a_model_is_not_asked_where_the_options_say_so(host: Host, spec: RunSpec) -> None:
    access = ModelAccess("anthropic", "http://127.0.0.1:9", "key")
    changed = replace(spec, prompt="run: echo hi", access=access, options={"mode": "tools"})
    run = await BuiltinAgent(host).start(changed)
    events = [event async for event in run]
    assert run.result.verdict is Verdict.COMPLETED
    assert of(events, EventKind.TOOL_RESULT)[0].detail["text"].startswith("hi\n")


async def test_what_it_cannot_do_is_a_failure_and_not_the_appearance_of_work(
    host: Host, spec: RunSpec
) -> None:
    run = await BuiltinAgent(host).start(replace(spec, prompt="Add a login page."))
    events = [event async for event in run]
    assert (run.result.verdict, run.result.error_class) == (Verdict.FAILED, ErrorClass.UNSUITED)
    assert "without a model" in run.result.error
    assert of(events, EventKind.FILE_CHANGE) == []


async def test_follow_ups_share_a_session(host: Host, spec: RunSpec) -> None:
    runtime = BuiltinAgent(host)
    first = await runtime.start(replace(spec, prompt="run: true"))
    await drain(first, [])
    again = await runtime.start(replace(spec, prompt="run: true", resume=first.result.session))
    await drain(again, [])
    assert again.result.verdict is Verdict.COMPLETED
    assert again.result.session == first.result.session != ""


async def test_is_cancelled_in_the_middle_of_a_command(host: Host, spec: RunSpec) -> None:
    prompt = "run: touch begun; setsid sleep 45678.5 & sleep 45678.5"
    run = await BuiltinAgent(host).start(replace(spec, prompt=prompt))
    reading = asyncio.create_task(drain(run, []))
    await until((spec.workspace / "begun").exists)
    await run.cancel()
    await reading
    assert run.result.verdict is Verdict.CANCELLED
    await until(lambda: not alive("45678.5"))


async def test_ends_at_the_time_limit(host: Host, spec: RunSpec) -> None:
    changed = replace(spec, prompt="run: sleep 45679.5", limits=Limits(timeout=2))
    run = await BuiltinAgent(host).start(changed)
    await drain(run, [])
    assert (run.result.verdict, run.result.error_class) == (Verdict.TIMED_OUT, ErrorClass.TIMEOUT)
    await until(lambda: not alive("45679.5"))


async def test_killed_it_has_failed(host: Host, spec: RunSpec) -> None:
    run = await BuiltinAgent(host).start(replace(spec, prompt="run: touch begun; sleep 45680.5"))
    reading = asyncio.create_task(drain(run, []))
    await until((spec.workspace / "begun").exists)
    assert run.pid is not None
    inside = descendants(run.pid, processes())
    agents = [pid for pid in inside if arguments_of(pid)[2:4] == ["-m", "lemnos.runners.builtin"]]
    assert len(agents) == 1
    os.kill(agents[0], signal.SIGKILL)
    await reading
    assert (run.result.verdict, run.result.error_class) == (Verdict.FAILED, ErrorClass.AGENT)
    assert "ended without a result" in run.result.error
    await until(lambda: not alive("45680.5"))


def arguments_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except FileNotFoundError:  # it has ended since
        return []
