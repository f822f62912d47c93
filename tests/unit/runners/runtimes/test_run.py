"""Runs of programs that mean harm by what they print, through the runtime for any ACP agent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lemnos.domains.agents.ports import AgentEvent, EventKind, ModelAccess, RunResult, RunSpec
from lemnos.runners.gateway import ModelGateway
from lemnos.runners.runtimes.acp import AcpAgent, AcpRuntime
from lemnos.runners.runtimes.host import Host
from lemnos.runners.sandbox import choose_sandbox
from lemnos.runners.sandbox.entry_command import python


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    gateway = ModelGateway()
    yield Host(choose_sandbox("auto"), gateway)
    await gateway.close()


async def _run(host: Host, folder: Path, script: str) -> tuple[list[AgentEvent], RunResult]:
    (folder / "workspace").mkdir()
    runtime = AcpRuntime(host, AcpAgent("hostile", (str(python()), "-c", script)))
    spec = RunSpec(
        task_id="task",
        run_id="task-1",
        workspace=folder / "workspace",
        home=folder / "home",
        prompt="Do your worst.",
        access=ModelAccess("none"),
    )
    run = await runtime.start(spec)
    return [event async for event in run], run.result


@pytest.mark.parametrize("line", ['{"params": ', '{"x": ', ""], ids=["known", "unknown", "bare"])
async def test_json_that_is_nested_without_end_does_not_break_the_run(
    host: Host, tmp_path: Path, line: str
) -> None:
    script = f"print('{line}' + '[' * 200_000 + ']' * 200_000 + '}}' * {bool(line)})"

    events, result = await _run(host, tmp_path, script)

    assert events[-1].kind is EventKind.EXITED
    assert all(len(event.raw) < 10_000 for event in events)
    assert result.error


async def test_an_error_holds_the_end_of_stderr_and_not_all_of_it(
    host: Host, tmp_path: Path
) -> None:
    script = "import sys\nfor n in range(50): print(n, 'x' * 1_000_000, file=sys.stderr)"

    events, result = await _run(host, tmp_path, script)

    assert sum(event.kind is EventKind.STDERR for event in events) == 50
    assert "\n49 x" in result.error
    assert len(result.error) < 50_000
