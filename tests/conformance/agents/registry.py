"""The agents domain as a server puts it together, and the shortest words for what tests do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lemnos.domains.agents.model import (
    Agent,
    Ask,
    Attempt,
    Candidate,
    Constraints,
    Decision,
    HealthReport,
    NewAgent,
    Terms,
)
from lemnos.domains.agents.ports import ErrorClass, RunResult, Usage, Verdict
from lemnos.domains.agents.router import Router
from lemnos.domains.agents.service import AgentService
from lemnos.foundation import make_platform
from lemnos.kernel.context import system_context
from lemnos.main.agents import make_agents
from lemnos.main.host import make_gateway
from lemnos.main.runners import make_runtimes
from lemnos.platform.db import Database, Tx
from lemnos.settings import Settings

T = TypeVar("T")
CTX = system_context("default", "test")
OTHERS = system_context("others", "test")
DONE = RunResult(Verdict.COMPLETED, usage=Usage(100, 10, 0.25))


def failed(error_class: ErrorClass = ErrorClass.AGENT, **values: Any) -> RunResult:
    return RunResult(Verdict.FAILED, error="It broke.", error_class=error_class, **values)


@dataclass(frozen=True)
class Registry:
    """One node."""

    db: Database
    service: AgentService
    router: Router
    sweep: Callable[[], Awaitable[object]]

    async def register(self, agent_id: str = "worker", **described: Any) -> Agent:
        """A built-in agent, which needs no model, unless it is described otherwise."""
        values: dict[str, Any] = {"name": agent_id, "provider": "builtin", **described}
        agent = await self.service.draft(CTX, NewAgent(agent_id, **values))
        return await self.write(lambda tx: self.service.register(tx, CTX, agent))

    async def limited(self, agent_id: str = "worker", **limits: Any) -> Agent:
        return await self.register(agent_id, constraints=Constraints(**limits))

    async def write(self, body: Callable[[Tx], Awaitable[T]]) -> T:
        return await self.db.write(body)

    async def plan(self, **asked: Any) -> Decision:
        return await self.router.plan(CTX.tenant, Ask(**asked))

    async def admit(
        self, agent_id: str = "worker", task_id: str = "task", number: int = 1
    ) -> Attempt | None:
        found = candidate(agent_id)
        return await self.write(
            lambda tx: self.router.admit(tx, CTX.tenant, found, task_id, 1, number)
        )

    async def end(self, attempt: Attempt | None, result: RunResult = DONE) -> Attempt:
        assert attempt is not None, "the agent took no attempt"
        return await self.write(lambda tx: self.router.ended(tx, attempt, result))

    async def work(self, *results: RunResult, agent_id: str = "worker", task_id: str = "t") -> None:
        """Attempts one after the other."""
        for number, result in enumerate(results, start=1):
            await self.end(await self.admit(agent_id, f"{task_id}-{number}"), result)

    async def health(self, agent_id: str = "worker") -> HealthReport:
        agent = await self.service.get(CTX, agent_id)
        return (await self.service.health(CTX, [agent]))[agent_id]


async def eventually(condition: Callable[[], Awaitable[bool]], timeout: float = 20) -> None:
    """Wait for what nothing tells of."""
    async with asyncio.timeout(timeout):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def candidate(agent_id: str) -> Candidate:
    return Candidate(agent_id, 0, 90.0, Terms(100, 50, 100, 100), 1.0, 3)


@asynccontextmanager
async def running(url: str, folder: Path, endpoint: str) -> AsyncIterator[Registry]:
    """A node whose model endpoint is this one; Claude Code and Codex are not installed there."""
    folder.mkdir()
    settings = Settings(
        data=str(folder),
        database_url=url,
        node=folder.name,
        openai_base_url=endpoint,
        openai_api_key="operators-key",
        anthropic_api_key="operators-key",
        claude_path=str(folder / "no-claude"),
        codex_path=str(folder / "no-codex"),
        sandbox="off",
    )
    platform = make_platform(settings)
    gateway = make_gateway(settings, platform.guard)
    agents = make_agents(settings, platform, make_runtimes(settings, gateway))
    await platform.db.start()
    try:
        yield Registry(platform.db, agents.service, agents.router, agents.upkeep[0][1])
    finally:
        for close in agents.closing:
            await close()
        await gateway.close()
        await platform.db.stop()
