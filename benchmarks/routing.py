"""How long a routing decision takes among 1,000 agents, with its terms and reasons.

The real router plans over a registry in SQLite: 1,000 agents of four providers, a tenth of them
inactive, some with attempts behind them and some at work. What is asked for changes from one
decision to the next: capabilities, preferred providers, a cap on the cost, the strategy. The last
figure is of busy times: an attempt begins and ends before each decision, which reads that agent
anew.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.common import Figure, main
from lemnos.domains.agents.model import (
    Agent,
    AgentConfig,
    Ask,
    Candidate,
    Constraints,
    Health,
    Judgement,
    Probe,
    Status,
    Strategy,
)
from lemnos.domains.agents.ports import RunResult, Usage, Verdict
from lemnos.foundation import make_platform
from lemnos.kernel import clock
from lemnos.kernel.context import system_context
from lemnos.main.agents import Agents, make_agents
from lemnos.main.host import make_gateway
from lemnos.main.runners import make_runtimes
from lemnos.platform.db import Database, Tx
from lemnos.platform.db.schema import create_all
from lemnos.settings import Settings

AGENTS, DECISIONS, ATTEMPTS = 1_000, 1_000, 3_000
CTX = system_context("default", "benchmark")
_WORDS = ("code_generation", "code_review", "debugging", "refactoring", "testing", "documentation")
_PROVIDERS = ("anthropic", "openai", "local", "builtin")


def measure(rounds: int) -> Iterator[Figure]:
    """The figures."""
    with tempfile.TemporaryDirectory() as folder:
        quiet, busy, among = asyncio.run(_measured(Path(folder), rounds))
    seen = f"{rounds} × {DECISIONS:,} decisions, {among}"
    yield _figure("routing: a decision among 1,000 agents, p50", quiet, 0.50, 1.0, seen)
    yield _figure("routing: a decision among 1,000 agents, p99", quiet, 0.99, 1.0, seen)
    seen = "an attempt begins and ends before each"
    yield _figure("routing: a decision after a change, p50", busy, 0.50, 1.0, seen)


def _figure(what: str, times: list[float], share: float, target: float, seen: str) -> Figure:
    cut = statistics.quantiles(times, n=100, method="inclusive")[round(share * 100) - 1]
    # Microseconds, as a millisecond is wanted and the report has one decimal.
    return Figure(what, cut * 1e6, "at most", target * 1e3, "µs", seen)


async def _measured(folder: Path, rounds: int) -> tuple[list[float], list[float], str]:
    settings = Settings(data=str(folder), sandbox="off")
    platform = make_platform(settings)
    gateway = make_gateway(settings, platform.guard)
    agents = make_agents(settings, platform, make_runtimes(settings, gateway))
    await platform.db.start()
    try:
        await create_all(platform.db)
        await _fill(platform.db, agents)
        quiet, busy = [], []
        for number in range(rounds):
            quiet += await _decisions(agents, DECISIONS, random.Random(number), _nothing)
            change = _changes(platform.db, agents)
            busy += await _decisions(agents, DECISIONS // 10, random.Random(number), change)
        decision = await agents.router.plan(CTX.tenant, Ask())
        among = f"{AGENTS:,} agents, {len(decision.candidates)} and {len(decision.left_out)} listed"
        return quiet, busy, among
    finally:
        for close in agents.closing:
            await close()
        await gateway.close()
        await platform.db.stop()


async def _decisions(
    agents: Agents, count: int, chance: random.Random, before: Callable[[], Awaitable[object]]
) -> list[float]:
    times = []
    for _ in range(count):
        await before()
        ask = _ask(chance)
        started = time.perf_counter()
        await agents.router.plan(CTX.tenant, ask)
        times.append(time.perf_counter() - started)
    return times


async def _nothing() -> None:
    return


def _changes(db: Database, agents: Agents) -> Callable[[], Awaitable[object]]:
    async def change() -> None:
        (candidate, *_) = (await agents.router.plan(CTX.tenant, Ask())).candidates

        async def body(tx: Tx) -> None:
            attempt = await agents.router.admit(tx, CTX.tenant, candidate, "task", 1, 1)
            assert attempt is not None
            await agents.router.ended(tx, attempt, RunResult(Verdict.COMPLETED))

        await db.write(body)

    return change


def _ask(chance: random.Random) -> Ask:
    cap = chance.choice((None, 0.5))
    return Ask(
        required_capabilities=tuple(chance.sample(_WORDS, chance.randint(0, 2))),
        preferred_providers=chance.choice(((), ("anthropic", "openai"))),
        excluded_agents=("agent-0001",),
        max_tokens=4_000,
        max_cost_usd=cap,
        tokens=40_000,
        strategy=chance.choice(tuple(Strategy)),
    )


async def _fill(db: Database, agents: Agents) -> None:
    chance = random.Random(0)
    await db.write(lambda tx: _register(tx, agents, chance))
    workers = (await agents.router.plan(CTX.tenant, Ask())).candidates
    await db.write(lambda tx: _work(tx, agents, workers, chance))


async def _register(tx: Tx, agents: Agents, chance: random.Random) -> None:
    now = clock.now()
    for number in range(AGENTS):
        agent = Agent(
            tenant=CTX.tenant,
            agent_id=f"agent-{number:04}",
            name=f"Agent {number}",
            provider=chance.choice(_PROVIDERS),
            model="claude-sonnet-4-5",
            capabilities=tuple(chance.sample(_WORDS, chance.randint(1, 6))),
            constraints=Constraints(200_000, 10, None, chance.choice((None, 0.003, 0.03))),
            config=AgentConfig(base_weight=chance.uniform(0.5, 2.0)),
            status=Status.INACTIVE if number % 10 == 0 else Status.ACTIVE,
            created_by="benchmark",
            registered_at=now,
            updated_at=now,
            probe=Probe(now, Health.HEALTHY),
        )
        await agents.service.register(tx, CTX, agent)


async def _work(
    tx: Tx, agents: Agents, workers: Sequence[Candidate], chance: random.Random
) -> None:
    """Attempts, most of which end, three of four well."""
    for number in range(ATTEMPTS):
        candidate = chance.choice(workers)
        task_id = f"task-{chance.random()}"
        attempt = await agents.router.admit(tx, CTX.tenant, candidate, task_id, 1, number)
        if attempt is None or chance.random() < 0.01:
            continue
        verdict = chance.choice((Verdict.COMPLETED,) * 3 + (Verdict.FAILED,))
        await agents.router.ended(tx, attempt, RunResult(verdict, usage=Usage(900, 90, 0.01)))
        passed = chance.random() < 0.8
        judged = (attempt.agent_id, task_id, 1, Judgement.CHECKS, passed)
        await agents.service.judge(tx, CTX.tenant, *judged)


if __name__ == "__main__":
    main(__doc__, measure)
