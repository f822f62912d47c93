"""What is held in memory of a tenant's agents: how old it may be, and who has to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from lemnos.domains.agents import pools as module
from lemnos.domains.agents.measures import Figures
from lemnos.domains.agents.model import Agent, AgentConfig
from lemnos.domains.agents.pools import Pools
from lemnos.kernel.errors import Unavailable
from tests.unit.domains.agents.stand_ins import AGENT, access, agent


class Stores:
    """The three stores in one, over agents in memory; it counts what is read."""

    def __init__(self, *agents: Agent) -> None:
        self.agents = {one.agent_id: one for one in agents}
        self.whole = self.single = 0
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def all(self, tenant: str) -> tuple[Agent, ...]:
        self.whole += 1
        found = tuple(self.agents.values())
        await self._through()
        return found

    async def get(self, tenant: str, agent_id: str) -> Agent | None:
        self.single += 1
        found = self.agents.get(agent_id)
        await self._through()
        return found

    async def running(self, tenant: str, agent_id: str = "") -> Any:
        return 0 if agent_id else {}

    async def started(self, tenant: str, *_: Any) -> Any:
        return 0 if len(_) > 1 else {}

    async def by_agent(self, *_: Any, **__: Any) -> Mapping[str, Figures]:
        return {}

    async def _through(self) -> None:
        await self.gate.wait()
        if self.away:
            raise Unavailable("The database is away.")


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def pools_of(stores: Stores) -> Pools:
    store = cast("Any", stores)
    return Pools(store, store, store, access(), lambda _: None)


async def ids(pools: Pools) -> list[str]:
    return [one.agent_id for one in await pools.get("t")]


async def settled() -> None:
    """What goes on beside has come to its end."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.gather(*others, return_exceptions=True)


async def test_a_decision_asks_no_database(clock: Clock):
    stores = Stores(AGENT)
    pools = pools_of(stores)
    for _ in range(5):
        assert await ids(pools) == [AGENT.agent_id]
    assert (stores.whole, stores.single) == (1, 0)


async def test_only_what_changed_is_read_again(clock: Clock):
    stores = Stores(agent(agent_id="a"), agent(agent_id="b"))
    pools = pools_of(stores)
    await ids(pools)
    stores.agents["c"] = agent(agent_id="c")
    del stores.agents["a"]
    assert await ids(pools) == ["a", "b"]
    pools.changed("t", "a")
    pools.changed("t", "c")
    assert await ids(pools) == ["b", "c"]
    assert (stores.whole, stores.single) == (1, 2)


async def test_after_a_second_all_are_read_again_beside_the_decisions(clock: Clock):
    stores = Stores(AGENT)
    pools = pools_of(stores)
    await ids(pools)
    stores.agents["new"] = agent(agent_id="new")
    clock.seconds += 1.5
    assert await ids(pools) == [AGENT.agent_id]
    await settled()
    assert await ids(pools) == [AGENT.agent_id, "new"]
    assert stores.whole == 2


async def test_a_decision_waits_for_what_is_too_old(clock: Clock):
    stores = Stores(AGENT)
    pools = pools_of(stores)
    await ids(pools)
    stores.agents["new"] = agent(agent_id="new")
    clock.seconds += 3
    assert await ids(pools) == [AGENT.agent_id, "new"]


async def test_nobody_passes_while_a_change_is_read(clock: Clock):
    stores = Stores(AGENT)
    pools = pools_of(stores)
    await ids(pools)
    stores.agents.clear()
    pools.changed("t", AGENT.agent_id)
    stores.gate.clear()
    waiting = [asyncio.create_task(ids(pools)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    stores.gate.set()
    assert await asyncio.gather(*waiting) == [[], [], []]
    assert stores.single == 1


async def test_what_changes_while_all_are_read_is_read_once_more(clock: Clock):
    stores = Stores(AGENT)
    pools = pools_of(stores)
    stores.gate.clear()
    reading = asyncio.create_task(ids(pools))
    await asyncio.sleep(0)  # it holds the agents as they were
    stores.agents["new"] = agent(agent_id="new")
    pools.changed("t", "new")
    stores.gate.set()
    await reading
    assert await ids(pools) == [AGENT.agent_id, "new"]


async def test_after_an_outage_nothing_is_taken_for_known(clock: Clock):
    stores = Stores(AGENT)
    pools = pools_of(stores)
    await ids(pools)
    pools.changed("t", AGENT.agent_id)
    stores.away = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            await ids(pools)
    stores.away = False
    del stores.agents[AGENT.agent_id]
    assert await ids(pools) == []


async def test_a_renewal_beside_that_fails_is_told_to_who_has_to_wait(clock: Clock):
    stores = Stores(AGENT)
    pools = pools_of(stores)
    await ids(pools)
    stores.away = True
    clock.seconds += 1.5
    assert await ids(pools) == [AGENT.agent_id]
    await settled()
    with pytest.raises(Unavailable):
        await ids(pools)


async def test_an_agent_whose_runtime_is_no_longer_set_up_is_left_out(clock: Clock):
    gone = agent(config=AgentConfig(runtime="acp:gone"))
    (standing,) = await pools_of(Stores(gone)).get("t")
    assert standing.obstacle is not None
    assert standing.obstacle[0] == "no_runtime"


async def test_prices(clock: Clock):
    """Its owner's, else the table's; deterministic tools cost nothing."""
    priced = replace(
        AGENT, agent_id="own", constraints=replace(AGENT.constraints, cost_per_1k_tokens=0.5)
    )
    tools = agent(agent_id="tools", provider="builtin", model="")
    stores = cast("Any", Stores(AGENT, priced, tools))
    pools = Pools(stores, stores, stores, access(), lambda _: 0.25)
    found = {one.agent_id: one.price for one in await pools.get("t")}
    assert found == {AGENT.agent_id: 0.25, "own": 0.5, "tools": 0.0}


async def test_the_pools_of_many_tenants_do_not_add_up(clock: Clock):
    pools = pools_of(Stores(AGENT))
    for number in range(600):
        await pools.get(f"tenant-{number}")
    assert len(pools._pools) <= 256
