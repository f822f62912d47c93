"""Use cases of the registry. Those that change something run in the caller's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from lemnos.domains.agents.access import AgentAccess
from lemnos.domains.agents.health import WINDOW, health_of
from lemnos.domains.agents.measures import AgentMetrics, Figures
from lemnos.domains.agents.model import (
    Agent,
    AgentPatch,
    Attempt,
    Health,
    HealthReport,
    Judgement,
    NewAgent,
    Performance,
    Probe,
)
from lemnos.domains.agents.pools import Pools
from lemnos.domains.agents.ports import ErrorClass, Verdict
from lemnos.domains.agents.prober import Prober
from lemnos.domains.agents.registration import patched, problems
from lemnos.domains.agents.store import AgentFilter, AgentStore, AttemptStore, MeasureStore
from lemnos.kernel import clock
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Conflict, Invalid, NotFound
from lemnos.kernel.page import Page
from lemnos.platform.db import Tx
from lemnos.platform.db.errors import UniqueViolation

_FEW = 16  # agents whose sums are asked for one by one; of more, those of the whole tenant


class AgentService:
    """Register, list, change, remove and measure a tenant's agents.

    ``check_url`` raises ``Invalid``, naming the field, for an address that may not be reached.
    ``prober`` is None on a node that runs no agents, and so cannot say whether one would work.
    """

    def __init__(
        self,
        agents: AgentStore,
        attempts: AttemptStore,
        measures: MeasureStore,
        access: AgentAccess,
        pools: Pools,
        prober: Prober | None,
        check_url: Callable[[str, str], object],
    ) -> None:
        self._agents = agents
        self._attempts = attempts
        self._measures = measures
        self._access = access
        self._pools = pools
        self._prober = prober
        self._check_url = check_url

    # --- the registry -------------------------------------------------------------------------

    async def draft(self, ctx: Context, new: NewAgent) -> Agent:
        """Check what is asked for and make an agent of it, not stored yet."""
        now = clock.now()
        agent = Agent(
            tenant=ctx.tenant,
            agent_id=new.agent_id,
            name=new.name,
            provider=new.provider,
            model=new.model,
            capabilities=tuple(dict.fromkeys(new.capabilities)),
            constraints=new.constraints,
            config=new.config,
            status=new.status,
            created_by=ctx.principal.subject,
            registered_at=now,
            updated_at=now,
        )
        self._check(agent, new.api_key)
        return replace(agent, sealed=self._access.seal(ctx.tenant, agent.agent_id, new.api_key))

    async def examine(self, agent: Agent) -> Agent:
        """The agent with a probe made now, so that its health is known when it is registered."""
        if self._prober is None:
            return agent
        return replace(agent, probe=await self._prober.examine(agent))

    async def register(self, tx: Tx, ctx: Context, agent: Agent) -> Agent:
        """Store a drafted agent; unless it was examined, it is probed at once in the background.

        ``Conflict`` when its id is taken.
        """
        try:
            await self._agents.add(tx, agent)
        except UniqueViolation as error:
            message = f"An agent with the id {agent.agent_id} exists."
            raise Conflict(message, code="agent_exists") from error
        if agent.probe is not None:
            await self._measures.add_probe(tx, agent, agent.probe)
        self._after(tx, agent, probe=agent.probe is None)
        return agent

    async def get(self, ctx: Context, agent_id: str, tx: Tx | None = None) -> Agent:
        """An agent of the caller's tenant; within a transaction it is locked until that ends."""
        agent = await self._agents.get(ctx.tenant, agent_id, tx)
        if agent is None:
            raise NotFound(f"There is no agent {agent_id}.", code="agent_not_found")
        return agent

    async def page(
        self,
        ctx: Context,
        *,
        provider: str = "",
        capability: str = "",
        status: str = "",
        limit: int = 50,
        offset: int = 0,
    ) -> Page[Agent]:
        """Agents by id, with an exact total."""
        chosen = AgentFilter(provider, capability, status)
        items, total = await self._agents.page(ctx.tenant, chosen, limit, offset)
        return Page(items, total)

    async def update(self, tx: Tx, ctx: Context, agent_id: str, patch: AgentPatch) -> Agent:
        """Change an agent in part; it is probed anew."""
        before = await self.get(ctx, agent_id, tx)
        agent, api_key = patched(before, patch)
        self._check(agent, api_key or "")
        if api_key is not None:
            agent = replace(agent, sealed=self._access.seal(ctx.tenant, agent_id, api_key))
        elif before.sealed and agent.config.base_url != before.config.base_url:
            # Whoever may change an agent may not learn its key, by sending it to themselves.
            problem = "give it again: the agent's key was for another base_url"
            raise Invalid(f"config.api_key: {problem}.", fields={"config.api_key": problem})
        agent = replace(agent, updated_at=clock.now())
        await self._agents.describe(tx, agent)
        self._after(tx, agent)
        return agent

    async def remove(self, tx: Tx, ctx: Context, agent_id: str, *, force: bool = False) -> None:
        """Delete an agent; ``Conflict`` while it works.

        With ``force`` its attempts end as its failures, and its tasks go on with other agents.
        """
        agent = await self.get(ctx, agent_id, tx)
        running = await self._attempts.open_of_agent(tx, ctx.tenant, agent_id)
        if running and not force:
            message = f"The agent {agent_id} is at work: wait, or remove it by force."
            raise Conflict(message, code="agent_busy", details={"running": len(running)})
        for attempt in running:
            await self._attempts.close(tx, _removed(attempt))
        await self._measures.forget(tx, ctx.tenant, agent_id)
        await self._agents.remove(tx, ctx.tenant, agent_id)
        tx.after_commit(lambda: self._pools.changed(agent.tenant, agent.agent_id))

    # --- what is measured ---------------------------------------------------------------------

    async def health(self, ctx: Context, agents: Sequence[Agent]) -> Mapping[str, HealthReport]:
        """What probes and attempts of the last 24 hours say of agents, by id."""
        since = clock.now() - WINDOW
        figures = await self._figures(ctx.tenant, [agent.agent_id for agent in agents], since)
        uptimes: dict[str, float] = {}
        for one in _asked([agent.agent_id for agent in agents]):
            uptimes |= await self._measures.uptimes(ctx.tenant, since, one)
        return {
            agent.agent_id: _report(
                agent, figures.get(agent.agent_id, Figures()), uptimes.get(agent.agent_id)
            )
            for agent in agents
        }

    async def performance(
        self, ctx: Context, agent_ids: Sequence[str], since: int
    ) -> Mapping[str, Performance]:
        """What agents' work since a time came to, by id."""
        figures = await self._figures(ctx.tenant, agent_ids, since)
        return {name: figures.get(name, Figures()).performance for name in agent_ids}

    async def metrics(self, ctx: Context, since: int, agent_id: str = "") -> AgentMetrics:
        """Figures of all attempts since a time, or of one agent's; also of agents since removed."""
        tenant = ctx.tenant
        return AgentMetrics(
            since,
            await self._measures.total(tenant, since, agent_id),
            await self._measures.by_agent(tenant, since, agent_id),
            await self._measures.errors(tenant, since, agent_id),
            await self._measures.by_hour(tenant, since, agent_id),
        )

    async def census(self, ctx: Context) -> Mapping[Health, int]:
        """How many of the tenant's agents are how healthy."""
        since = clock.now() - WINDOW
        figures = await self._measures.by_agent(ctx.tenant, since, registered=True)
        counted = Counter(
            health_of(one.probe, one.breaker, figures.get(one.agent_id, Figures()).error_rate)
            for one in await self._agents.all(ctx.tenant)
        )
        return {health: counted[health] for health in Health}

    async def judge(
        self,
        tx: Tx,
        tenant: str,
        agent_id: str,
        task_id: str,
        iteration: int,
        judgement: Judgement,
        passed: bool,
    ) -> None:
        """Record what was found of an agent's work; a later judgement of a kind replaces it."""
        row = {
            "tenant": tenant,
            "agent_id": agent_id,
            "task_id": task_id,
            "iteration": iteration,
            "kind": judgement.value,
            "passed": int(passed and judgement is not Judgement.REVERTED),
            "at": clock.now(),
        }
        await self._measures.judge(tx, row)
        tx.after_commit(lambda: self._pools.changed(tenant, agent_id))

    # --- inside -------------------------------------------------------------------------------

    def _check(self, agent: Agent, api_key: str) -> None:
        if found := problems(agent, api_key):
            raise Invalid("The agent cannot be as described.", fields=found)
        self._access.runtime_of(agent)
        if agent.config.base_url:
            self._check_url(agent.config.base_url, "config.base_url")

    def _after(self, tx: Tx, agent: Agent, *, probe: bool = True) -> None:
        def committed() -> None:
            self._pools.changed(agent.tenant, agent.agent_id)
            if probe and self._prober is not None:
                self._prober.soon(agent)

        tx.after_commit(committed)

    async def _figures(
        self, tenant: str, agent_ids: Collection[str], since: int
    ) -> Mapping[str, Figures]:
        found: dict[str, Figures] = {}
        for one in _asked(agent_ids):
            found |= await self._measures.by_agent(tenant, since, one, registered=True)
        return found


def _asked(agent_ids: Collection[str]) -> Collection[str]:
    """What to ask the database for: few agents each, many as the whole tenant."""
    return agent_ids if len(agent_ids) <= _FEW else ("",)


def _report(agent: Agent, figures: Figures, uptime: float | None) -> HealthReport:
    probe: Probe | None = agent.probe
    return HealthReport(
        status=health_of(probe, agent.breaker, figures.error_rate),
        last_check=probe.at if probe else None,
        problem=probe.problem if probe else "",
        uptime=uptime,
        avg_response_ms=figures.avg_response_ms,
        error_rate=figures.error_rate,
        samples=figures.completed + figures.failures,
    )


def _removed(attempt: Attempt) -> Attempt:
    return replace(
        attempt,
        ended_at=clock.now(),
        verdict=Verdict.FAILED,
        error_class=ErrorClass.AGENT,
        error="The agent was removed from the registry.",
    )
