"""Each tenant's agents as routing sees them, held in memory: a decision asks no database.

An agent that changed on this node is read again before the next decision, and all of them once they
are a second old, as other nodes change things too. What is summed up over 24 hours may be five
seconds old. None of this has to be exact: whether an agent takes an attempt is decided in the
database.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lemnos.domains.agents.access import AgentAccess
from lemnos.domains.agents.health import WINDOW
from lemnos.domains.agents.measures import Figures
from lemnos.domains.agents.model import Agent
from lemnos.domains.agents.routing import MINUTE, Facts, Standing, in_order, standing
from lemnos.domains.agents.store import AgentStore, AttemptStore, MeasureStore
from lemnos.kernel import clock
from lemnos.kernel.errors import Invalid

_FRESH_FOR, _FIGURES_FOR = 1.0, 5.0  # seconds
_FEW = 16  # changed agents that are read one by one
_MOST_TENANTS = 256  # whose pools are held


@dataclass(slots=True)
class _Pool:
    """One tenant's standings, when they were made, and the agents that changed since."""

    made_at: float = float("-inf")
    changed: set[str] = field(default_factory=set)
    by_id: dict[str, Standing] = field(default_factory=dict)
    standings: tuple[Standing, ...] = ()
    figures: Mapping[str, Figures] = field(default_factory=dict)
    figures_at: float = float("-inf")
    making: asyncio.Lock = field(default_factory=asyncio.Lock)

    def fresh(self) -> bool:
        return time.monotonic() - self.made_at < _FRESH_FOR and not self.changed


class Pools:
    """The pools of all tenants. ``price_of``: US dollars for 1,000 tokens of a model, if known."""

    def __init__(
        self,
        agents: AgentStore,
        attempts: AttemptStore,
        measures: MeasureStore,
        access: AgentAccess,
        price_of: Callable[[str], float | None],
    ) -> None:
        self._agents = agents
        self._attempts = attempts
        self._measures = measures
        self._access = access
        self._price_of = price_of
        self._pools: OrderedDict[str, _Pool] = OrderedDict()

    async def get(self, tenant: str) -> tuple[Standing, ...]:
        """The tenant's agents, in the order that :func:`routing.decide` wants."""
        pool = self._pools.get(tenant) or self._new(tenant)
        if not pool.fresh():
            async with pool.making:
                if not pool.fresh():  # another who waited may have made it
                    await self._refresh(tenant, pool)
        return pool.standings

    def changed(self, tenant: str, agent_id: str) -> None:
        """What is known of an agent no longer holds. To be called after the commit."""
        if (pool := self._pools.get(tenant)) is not None:
            pool.changed.add(agent_id)

    def _new(self, tenant: str) -> _Pool:
        while len(self._pools) >= _MOST_TENANTS:
            self._pools.popitem(last=False)
        pool = self._pools[tenant] = _Pool()
        return pool

    async def _refresh(self, tenant: str, pool: _Pool) -> None:
        # Taken before anything is read: what changes meanwhile is read again the next time.
        changed, pool.changed = pool.changed, set()
        aged = time.monotonic() - pool.made_at >= _FRESH_FOR
        try:
            if aged or len(changed) > _FEW:
                await self._make(tenant, pool)
            else:
                for agent_id in changed:
                    await self._mend(tenant, pool, agent_id)
        except BaseException:  # whatever it was, nothing of it is known to hold
            pool.made_at = float("-inf")
            raise
        pool.standings = in_order(pool.by_id.values())

    async def _make(self, tenant: str, pool: _Pool) -> None:
        """Read all agents."""
        begun, now = time.monotonic(), clock.now()
        if begun - pool.figures_at >= _FIGURES_FOR:
            pool.figures = await self._measures.by_agent(tenant, now - WINDOW, registered=True)
            pool.figures_at = begun
        running = await self._measures.running(tenant)
        started = await self._measures.started(tenant, now - MINUTE)
        by_id: dict[str, Standing] = {}
        for agent in await self._agents.all(tenant):
            name = agent.agent_id
            facts = _facts(running.get(name, 0), started.get(name, 0), pool.figures.get(name))
            by_id[name] = self._standing(agent, facts, now)
        pool.by_id, pool.made_at = by_id, begun

    async def _mend(self, tenant: str, pool: _Pool, agent_id: str) -> None:
        """Read one agent."""
        now = clock.now()
        agent = await self._agents.get(tenant, agent_id)
        if agent is None:
            pool.by_id.pop(agent_id, None)
            return
        running = await self._attempts.running(tenant, agent_id)
        started = await self._attempts.started(tenant, agent_id, now - MINUTE)
        facts = _facts(running, started, pool.figures.get(agent_id))
        pool.by_id[agent_id] = self._standing(agent, facts, now)

    def _standing(self, agent: Agent, facts: Facts, now: int) -> Standing:
        try:
            without_model = self._access.dialect_of(agent) == "none"
        except Invalid as error:  # an ACP agent that is no longer set up, say
            return standing(agent, facts, now, None, error.message)
        price = agent.constraints.cost_per_1k_tokens
        if price is None:
            price = 0.0 if without_model else self._price_of(agent.model)
        return standing(agent, facts, now, price)


def _facts(running: int, started: int, figures: Figures | None) -> Facts:
    figures = figures or Figures()
    return Facts(running, started, figures.performance, figures.avg_response_ms)
