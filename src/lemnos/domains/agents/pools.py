"""Each tenant's agents as routing sees them, held in memory: a decision asks no database.

A pool is made anew once something changed on this node, and after a second at the latest, as other
nodes change things too. What is summed up over 24 hours may be five seconds old. None of this has
to be exact: whether an agent takes an attempt is decided in the database.
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
from lemnos.domains.agents.store import AgentStore, MeasureStore
from lemnos.kernel import clock
from lemnos.kernel.errors import Invalid

_FRESH_FOR, _FIGURES_FOR = 1.0, 5.0  # seconds
_MOST_TENANTS = 256  # whose pools are held


@dataclass(slots=True)
class _Pool:
    """One tenant's standings, of which change they are, and when they were made."""

    changes: int = 0
    made_of: int = -1
    made_at: float = float("-inf")
    standings: tuple[Standing, ...] = ()
    figures: Mapping[str, Figures] = field(default_factory=dict)
    figures_at: float = float("-inf")
    making: asyncio.Lock = field(default_factory=asyncio.Lock)

    def fresh(self) -> bool:
        return self.made_of == self.changes and time.monotonic() - self.made_at < _FRESH_FOR


class Pools:
    """The pools of all tenants. ``price_of``: US dollars for 1,000 tokens of a model, if known."""

    def __init__(
        self,
        agents: AgentStore,
        measures: MeasureStore,
        access: AgentAccess,
        price_of: Callable[[str], float | None],
    ) -> None:
        self._agents = agents
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
                    await self._make(tenant, pool)
        return pool.standings

    def changed(self, tenant: str) -> None:
        """What is known of the tenant's agents no longer holds. To be called after the commit."""
        if (pool := self._pools.get(tenant)) is not None:
            pool.changes += 1

    def _new(self, tenant: str) -> _Pool:
        while len(self._pools) >= _MOST_TENANTS:
            self._pools.popitem(last=False)
        pool = self._pools[tenant] = _Pool()
        return pool

    async def _make(self, tenant: str, pool: _Pool) -> None:
        made_of, now = pool.changes, clock.now()
        if time.monotonic() - pool.figures_at >= _FIGURES_FOR:
            pool.figures = await self._measures.by_agent(tenant, now - WINDOW, registered=True)
            pool.figures_at = time.monotonic()
        running = await self._measures.running(tenant)
        started = await self._measures.started(tenant, now - MINUTE)
        found = []
        for agent in await self._agents.all(tenant):
            figures = pool.figures.get(agent.agent_id, Figures())
            facts = Facts(
                running.get(agent.agent_id, 0),
                started.get(agent.agent_id, 0),
                figures.performance,
                figures.avg_response_ms,
            )
            found.append(self._standing(agent, facts, now))
        pool.standings = in_order(found)
        pool.made_of, pool.made_at = made_of, time.monotonic()

    def _standing(self, agent: Agent, facts: Facts, now: int) -> Standing:
        try:
            without_model = self._access.dialect_of(agent) == "none"
        except Invalid as error:  # an ACP agent that is no longer set up, say
            return standing(agent, facts, now, None, error.message)
        price = agent.constraints.cost_per_1k_tokens
        if price is None:
            price = 0.0 if without_model else self._price_of(agent.model)
        return standing(agent, facts, now, price)
