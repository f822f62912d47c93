"""Routing: who does a piece of work, a place under that agent's limits, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from random import Random, SystemRandom

from lemnos.domains.agents import breaker as breakers
from lemnos.domains.agents.access import AgentAccess
from lemnos.domains.agents.model import (
    Agent,
    Ask,
    Attempt,
    Candidate,
    Decision,
    Status,
    Strategy,
)
from lemnos.domains.agents.pools import Pools
from lemnos.domains.agents.ports import ErrorClass, ModelAccess, RunResult, Verdict
from lemnos.domains.agents.routing import MINUTE, Standing, decide, has_room
from lemnos.domains.agents.store import AgentStore, AttemptStore
from lemnos.kernel import clock, ids
from lemnos.platform.db import Database, Tx

_CUT_OFF = "The server was interrupted while the agent worked."
_LONGEST_ATTEMPT = 24 * 3600 * clock.SECOND  # one that is open for longer was forgotten


async def _nobody_waits(tx: Tx, tenant: str, agent_id: str) -> None:
    """Called where a place became free and nobody has asked to hear of it."""


class Router:
    """Plans, admits and follows attempts.

    ``on_room`` is called in the transaction that frees a place of an agent. ``random`` is for the
    weighted strategy.
    """

    def __init__(
        self,
        db: Database,
        agents: AgentStore,
        attempts: AttemptStore,
        pools: Pools,
        access: AgentAccess,
        default: Strategy = Strategy.BEST_SCORE,
        random: Random | None = None,
    ) -> None:
        self._db = db
        self._agents = agents
        self._attempts = attempts
        self._pools = pools
        self._access = access
        self._default = default
        self._random = random or SystemRandom()
        self.on_room: Callable[[Tx, str, str], Awaitable[object]] = _nobody_waits

    async def plan(self, tenant: str, ask: Ask) -> Decision:
        """Who may do the work, best first, and why others may not; nothing is taken yet."""
        standings = await self._pools.get(tenant)
        return decide(standings, ask, self._default, clock.now(), self._random)

    async def standings(self, tenant: str) -> tuple[Standing, ...]:
        """The tenant's agents as routing sees them: load, room, what keeps them from work."""
        return await self._pools.get(tenant)

    async def admit(
        self,
        tx: Tx,
        tenant: str,
        candidate: Candidate,
        task_id: str,
        iteration: int,
        number: int,
    ) -> Attempt | None:
        """Begin an attempt if the agent takes one now; None when it does not.

        Its row is locked until the transaction ends, so that two who ask at once, on whatever
        nodes, do not get the same last place.
        """
        agent = await self._agents.get(tenant, candidate.agent_id, tx)
        now = clock.now()
        if agent is None or not await self._takes(tx, agent, now):
            return None
        attempt = Attempt(
            id=ids.new_id("attempt"),
            tenant=tenant,
            agent_id=agent.agent_id,
            task_id=task_id,
            iteration=iteration,
            number=number,
            tier=candidate.tier,
            started_at=now,
        )
        await self._attempts.add(tx, attempt)
        breaker = breakers.began(agent.breaker, attempt.id, now)
        if breaker != agent.breaker:
            await self._agents.note(tx, agent, breaker=breaker, last_seen=agent.last_seen)
        tx.after_commit(lambda: self._pools.changed(tenant, agent.agent_id))
        return attempt

    async def takes(self, tx: Tx, tenant: str, agent_id: str) -> bool:
        """Whether the agent would take an attempt now.

        Its row is locked until the transaction ends: whoever starts to wait for the agent in it
        is seen by the next one that frees a place.
        """
        agent = await self._agents.get(tenant, agent_id, tx)
        return agent is not None and await self._takes(tx, agent, clock.now())

    async def ended(self, tx: Tx, attempt: Attempt, result: RunResult) -> Attempt:
        """Record how an attempt ended; the attempt as it is recorded.

        ``first_response_ms`` is taken from the attempt. One that was closed before, as its agent
        was removed by force, stays as it was closed.
        """
        ending = replace(
            attempt,
            ended_at=clock.now(),
            verdict=result.verdict,
            error_class=result.error_class,
            error=result.error,
            input_tokens=result.usage.input_tokens,
            output_tokens=result.usage.output_tokens,
            cost_usd=result.usage.cost_usd,
        )
        if await self._close(tx, ending, breakers.says(result)):
            return ending
        return await self._attempts.get(tx, attempt.tenant, attempt.id) or ending

    async def interrupted(self, tx: Tx, tenant: str, task_id: str, iteration: int) -> None:
        """Close what a crash of the server left open of an iteration: that is nobody's failure."""
        left = await self._attempts.open_of_task(tx, tenant, task_id, iteration)
        await self._cut_off(tx, left)

    async def sweep(self) -> None:
        """Close the attempts of all tenants that nobody can still be waiting for."""

        async def body(tx: Tx) -> None:
            before = clock.now() - _LONGEST_ATTEMPT
            await self._cut_off(tx, await self._attempts.open_before(tx, before))

        await self._db.write(body)

    async def attempts(self, tenant: str, task_id: str) -> tuple[Attempt, ...]:
        """All attempts at a task, in order."""
        return await self._attempts.of_task(tenant, task_id)

    async def still_open(self, attempt: Attempt) -> bool:
        """Whether the attempt may go on; not once its agent has been removed by force."""
        return await self._attempts.is_open(attempt.tenant, attempt.id)

    def runtime_of(self, agent: Agent) -> str:
        """See :meth:`AgentAccess.runtime_of`."""
        return self._access.runtime_of(agent)

    def access_of(self, agent: Agent, accesses: Mapping[str, ModelAccess]) -> ModelAccess:
        """See :meth:`AgentAccess.access_of`."""
        return self._access.access_of(agent, accesses)

    async def _takes(self, tx: Tx, agent: Agent, now: int) -> bool:
        if agent.status is not Status.ACTIVE or not breakers.allows(agent.breaker, now):
            return False
        running = await self._attempts.running(agent.tenant, agent.agent_id, tx)
        started = 0
        if agent.constraints.rate_limit_per_minute is not None:
            since = now - MINUTE
            started = await self._attempts.started(agent.tenant, agent.agent_id, since, tx)
        return has_room(agent, running, started)

    async def _close(self, tx: Tx, attempt: Attempt, success: bool | None) -> bool:
        """Close an attempt and count it; False when it was closed before."""
        agent = await self._agents.get(attempt.tenant, attempt.agent_id, tx)
        if not await self._attempts.close(tx, attempt):
            return False
        now = attempt.ended_at or clock.now()
        if agent is not None:
            breaker = breakers.ended(agent.breaker, attempt.id, success, now)
            await self._agents.note(tx, agent, breaker=breaker, last_seen=now)
        await self.on_room(tx, attempt.tenant, attempt.agent_id)
        tx.after_commit(lambda: self._pools.changed(attempt.tenant, attempt.agent_id))
        return True

    async def _cut_off(self, tx: Tx, left: Iterable[Attempt]) -> None:
        for attempt in left:
            ending = replace(
                attempt,
                ended_at=clock.now(),
                verdict=Verdict.FAILED,
                error_class=ErrorClass.NONE,
                error=_CUT_OFF,
                interrupted=True,
            )
            await self._close(tx, ending, None)
