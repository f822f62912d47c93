"""A sandbox, a gateway and folders for each test, and one agent after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lemnos.domains.agents.ports import (
    AgentEvent,
    AgentRun,
    EventKind,
    Limits,
    RunResult,
    RunSpec,
)
from lemnos.runners.gateway import ModelGateway, Price, PriceTable
from lemnos.runners.runtimes.host import Host
from lemnos.runners.sandbox import Sandbox, choose_sandbox
from tests.conformance.runtime.cases import CASES, RuntimeCase
from tests.support.model_endpoint import ModelEndpoint

SUPPORT = Path(__file__).parents[2] / "support"
PRICES = PriceTable({"gpt-5.5": Price.openai(3, 15, 0.3)})


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    chosen = choose_sandbox("auto")
    if not chosen.isolated:
        pytest.skip(f"NOT TESTED: {chosen.warning}")
    return chosen


@pytest.fixture
async def host(sandbox: Sandbox) -> AsyncIterator[Host]:
    gateway = ModelGateway(PRICES)
    yield Host(sandbox, gateway, read_only=(SUPPORT,))
    await gateway.close()


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> RuntimeCase:
    return request.param  # type: ignore[no-any-return]


@dataclass
class Bench:
    """Runs the case's agent against the endpoint, and keeps what came of it."""

    case: RuntimeCase
    host: Host
    endpoint: ModelEndpoint
    spec: RunSpec

    async def start(self, **changes: Any) -> AgentRun:
        """Start a run of the spec, changed as said."""
        return await self.case.make(self.host).start(replace(self.spec, **changes))

    async def run(self, **changes: Any) -> tuple[list[AgentEvent], RunResult]:
        """A whole run: its events and its result."""
        run = await self.start(**changes)
        events = [event async for event in run]
        return events, run.result

    def limited(self, **limits: Any) -> Limits:
        """The spec's limits, changed as said."""
        return replace(self.spec.limits, **limits)


@pytest.fixture
def bench(case: RuntimeCase, host: Host, model_endpoint: ModelEndpoint, tmp_path: Path) -> Bench:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    spec = RunSpec(
        task_id="task",
        run_id="task-1",
        workspace=workspace,
        home=tmp_path / "home",
        prompt="Do what the script says.",
        model=case.model,
        access=case.access(model_endpoint.url),
        limits=Limits(timeout=60),
    )
    return Bench(case, host, model_endpoint, spec)


def kinds(events: list[AgentEvent]) -> list[EventKind]:
    """The kinds of events, in order."""
    return [event.kind for event in events]


def of(events: list[AgentEvent], kind: EventKind) -> list[AgentEvent]:
    """The events of one kind."""
    return [event for event in events if event.kind is kind]
