"""Each tenant's agents as routing sees them, held in memory: a decision asks no database.

An agent that changed on this node is read again before the next decision. As other nodes change
things too, all agents are read again, beside the decisions, once they are a second old; for what is
three seconds old a decision waits. What is summed up over 24 hours may be some seconds older. None
of this has to be exact: whether an agent takes an attempt is decided in the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lemnos.domains.agents.access import AgentAccess
from lemnos.domains.agents.health import WINDOW
from lemnos.domains.agents.measures import Figures, mean_tokens
from lemnos.domains.agents.model import Agent
from lemnos.domains.agents.routing import MINUTE, Facts, Standing, in_order, standing
from lemnos.domains.agents.store import AgentStore, AttemptStore, MeasureStore
from lemnos.kernel import clock
from lemnos.kernel.errors import Invalid, LemnosError

_FRESH_FOR, _USED_FOR, _FIGURES_FOR = 1.0, 3.0, 5.0  # seconds
_FEW = 16  # changed agents that are read one by one
_MOST_TENANTS = 256  # whose pools are held


@dataclass(slots=True)
class _Pool:
    """One tenant's standings, when they were made, and the agents that changed since."""

    made_at: float = float("-inf")
    changed: set[str] = field(default_factory=set)
    reading: set[str] = field(default_factory=set)  # those of them that are being read again
    by_id: dict[str, Standing] = field(default_factory=dict)
    standings: tuple[Standing, ...] = ()
    figures: Mapping[str, Figures] = field(default_factory=dict)
    figures_at: float = float("-inf")
    tokens: float | None = None  # of an attempt on average, whatever the agent
    making: asyncio.Lock = field(default_factory=asyncio.Lock)

    def usable(self) -> bool:
        return self.age < _USED_FOR and not (self.changed or self.reading)

    @property
    def age(self) -> float:
        return time.monotonic() - self.made_at


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
        self._renewing: set[asyncio.Task[None]] = set()

    async def get(self, tenant: str) -> tuple[Standing, ...]:
        """The tenant's agents, in the order that :func:`routing.decide` wants."""
        pool = self._pools.get(tenant) or self._new(tenant)
        if not pool.usable():
            async with pool.making:
                if not pool.usable():  # another who waited may have made it
                    await self._refresh(tenant, pool, whole=pool.age >= _USED_FOR)
        if pool.age >= _FRESH_FOR and not pool.making.locked():
            renewing = asyncio.create_task(self._renew(tenant, pool), name="agents-pool")
            self._renewing.add(renewing)
            renewing.add_done_callback(self._renewing.discard)
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

    async def _renew(self, tenant: str, pool: _Pool) -> None:
        with contextlib.suppress(LemnosError):  # told to whoever has to wait for it
            async with pool.making:
                if pool.age >= _FRESH_FOR:
                    await self._refresh(tenant, pool, whole=True)

    async def _refresh(self, tenant: str, pool: _Pool, *, whole: bool) -> None:
        # Taken before anything is read: what changes meanwhile is read again the next time.
        pool.reading, pool.changed = pool.changed, set()
        try:
            if whole or len(pool.reading) > _FEW:
                await self._make(tenant, pool)
            else:
                for agent_id in pool.reading:
                    await self._mend(tenant, pool, agent_id)
        except BaseException:  # whatever it was, nothing of it is known to hold
            pool.made_at = float("-inf")
            raise
        finally:
            pool.reading = set()
        pool.standings = in_order(pool.by_id.values())

    async def _make(self, tenant: str, pool: _Pool) -> None:
        """Read all agents."""
        begun, now = time.monotonic(), clock.now()
        if begun - pool.figures_at >= _FIGURES_FOR:
            pool.figures = await self._measures.by_agent(tenant, now - WINDOW, registered=True)
            pool.figures_at = begun
            pool.tokens = mean_tokens(pool.figures.values())
        running = await self._measures.running(tenant)
        started = await self._measures.started(tenant, now - MINUTE)
        by_id: dict[str, Standing] = {}
        for agent in await self._agents.all(tenant):
            name = agent.agent_id
            facts = _facts(pool, name, running.get(name, 0), started.get(name, 0))
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
        facts = _facts(pool, agent_id, running, started)
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


def _facts(pool: _Pool, agent_id: str, running: int, started: int) -> Facts:
    """One agent's; of one that has no past yet, the others tell how much is used on average."""
    figures = pool.figures.get(agent_id) or Figures()
    tokens = mean_tokens([figures]) or pool.tokens
    return Facts(running, started, figures.performance, figures.avg_response_ms, tokens)
