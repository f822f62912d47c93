"""What health and status say, of components in each state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from lemnos.api.kit.readiness import Readiness
from lemnos.api.kit.system_view import Look, SystemView
from lemnos.api.orchex.present import system as present
from lemnos.domains.agents.model import (
    Agent,
    AgentConfig,
    Ask,
    Breaker,
    BreakerState,
    Constraints,
    Decision,
    Health,
    Status,
    Strategy,
)
from lemnos.domains.agents.routing import Facts, Standing, decide, in_order, standing
from lemnos.engine.backlog import Backlog
from lemnos.kernel import clock
from lemnos.kernel.errors import Unavailable
from lemnos.platform.telemetry.metrics import Metrics

NOW = clock.now()
ONE = Agent(
    *("default", "a", "A", "lemnos", ""),
    capabilities=(),
    constraints=Constraints(max_concurrent_tasks=10),
    config=AgentConfig(),
    status=Status.ACTIVE,
    created_by="t",
    registered_at=NOW,
    updated_at=NOW,
)
OPEN = Breaker(BreakerState.OPEN, failures=5, opened_at=NOW)


def at_work(name: str, running: int = 0, breaker: Breaker | None = None) -> Standing:
    agent = replace(ONE, agent_id=name, breaker=breaker or Breaker())
    return standing(agent, Facts(running=running), NOW, 0.0)


class House:
    """Registry and router with given standings; ``away``: the database is."""

    def __init__(self, standings: Sequence[Standing], away: bool = False) -> None:
        self._standings, self.away = in_order(standings), away

    async def census(self, _ctx: object) -> dict[Health, int]:
        self._check()
        return {Health.HEALTHY: len(self._standings)}

    async def standings(self, _tenant: str) -> Sequence[Standing]:
        self._check()
        return self._standings

    async def plan(self, _tenant: str, ask: Ask) -> Decision:
        from random import Random

        return decide(self._standings, ask, Strategy.BEST_SCORE, NOW, Random(1))

    def _check(self) -> None:
        if self.away:
            raise Unavailable("The database is away.")


def view_of(house: House, *, working: bool = True) -> SystemView:
    async def backlog(_tenant: str) -> Backlog:
        return Backlog(1, 2, 3.0)

    registry = cast("Any", house)
    readiness = Readiness(working=working)
    return SystemView(registry, registry, Metrics(), readiness, backlog, "default")


async def look(*standings: Standing, working: bool = True, away: bool = False) -> Look:
    return await view_of(House(standings, away), working=working).look("default")


async def test_all_is_well_with_agents_that_rest():
    seen = await look(at_work("a"), at_work("b"))
    assert {part.status for part in seen.parts.values()} == {"healthy"}
    assert seen.status == "healthy"
    assert seen.parts["load_balancer"].figures == {"distribution": "idle"}
    assert seen.parts["registry"].figures == {"agents": 2}
    assert seen.parts["router"].figures["load"] == 0.0


async def test_nobody_registered_is_no_failure():
    seen = await look()
    assert seen.status == "healthy"
    assert seen.parts["router"].figures["load"] is None


@pytest.mark.parametrize(
    ("running", "distribution", "load"),
    [((5, 4), "balanced", 0.45), ((8, 1), "skewed", 0.45), ((3, 0), "balanced", 0.15)],
)
async def test_the_distribution_is_that_of_the_load(
    running: tuple[int, int], distribution: str, load: float
):
    seen = await look(at_work("a", running[0]), at_work("b", running[1]))
    assert seen.parts["load_balancer"].figures == {"distribution": distribution}
    assert seen.parts["router"].figures["load"] == load


async def test_full_agents_make_tasks_wait():
    seen = await look(at_work("a", 10), at_work("b", 10))
    assert seen.parts["load_balancer"].status == "degraded"


async def test_breakers_that_are_open():
    seen = await look(at_work("a", breaker=OPEN), at_work("b"))
    fallback = seen.parts["fallback_manager"]
    assert (fallback.status, fallback.figures) == ("degraded", {"open_breakers": ["a"]})
    assert seen.status == "degraded"
    everyone = await look(at_work("a", breaker=OPEN))
    assert everyone.parts["fallback_manager"].status == "unhealthy"
    assert everyone.parts["router"].status == "degraded", "nobody could take work"


async def test_without_a_database_no_task_finds_an_agent():
    seen = await look(at_work("a"), away=True)
    assert seen.status == "unhealthy"
    assert seen.parts["registry"].detail == "The database is away."
    shown = cast("Any", present.health(seen, 12.7))
    assert shown["agents"]["total"] == 0
    assert shown["uptime_seconds"] == 12


async def test_engines_wait_for_jobs_to_be_taken_up():
    seen = await look(working=False)
    for name in ("analyzer", "refactoring_engine"):
        assert seen.parts[name].status == "degraded"


async def test_what_anyone_may_ask_is_asked_once_a_second():
    house = House([at_work("a")])
    view = view_of(house)
    first = await view.glance()
    house.away = True
    assert await view.glance() is first
    assert (await view.look("default")).status == "unhealthy"
