"""Probes: whether each agent could work, looked at every minute and whenever it was changed.

A probe asks whether the runtime is installed here and whether the model endpoint is there and
takes the key. It never asks a model for anything, which would cost.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping

from lemnos.domains.agents.access import AgentAccess
from lemnos.domains.agents.health import of_answer
from lemnos.domains.agents.model import Agent, Health, Probe
from lemnos.domains.agents.ports import ModelAccess, ModelAnswer, ModelProbe, Runtimes
from lemnos.domains.agents.store import AgentStore, MeasureStore
from lemnos.kernel import clock
from lemnos.kernel.background import cancelled
from lemnos.kernel.errors import LemnosError
from lemnos.platform.db import Database, Tx

SWEEP_EVERY = 10.0  # seconds
_EVERY = 60 * clock.SECOND  # between two probes of an agent
_AT_ONCE, _IN_ONE_SWEEP = 8, 200
_KEPT = 48 * 3600 * clock.SECOND


class _AskedOnce:
    """A model probe for one sweep: agents that share an endpoint and its key share the answer.

    A provider would take a thousand agents asking with one key for an attack.
    """

    def __init__(self, model: ModelProbe) -> None:
        self._model = model
        self._asked: dict[tuple[str, str, str, bool], asyncio.Task[ModelAnswer]] = {}

    async def ask(self, access: ModelAccess) -> ModelAnswer:
        """See :class:`~lemnos.domains.agents.ports.ModelProbe`."""
        place = (access.provider, access.base_url, access.api_key, access.outside)
        if place not in self._asked:
            self._asked[place] = asyncio.ensure_future(self._model.ask(access))
        return await asyncio.shield(self._asked[place])


class Prober:
    """Probes agents on a node that runs some. ``accesses`` are the operator's model endpoints.

    Nodes of one database are taken to be alike: what one of them finds counts for all.
    """

    def __init__(
        self,
        db: Database,
        agents: AgentStore,
        measures: MeasureStore,
        runtimes: Runtimes,
        access: AgentAccess,
        model: ModelProbe,
        accesses: Mapping[str, ModelAccess],
        changed: Callable[[str, str], None],
    ) -> None:
        self._db = db
        self._agents = agents
        self._measures = measures
        self._runtimes = runtimes
        self._access = access
        self._model = model
        self._accesses = accesses
        self._changed = changed
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._under_way: set[asyncio.Task[None]] = set()

    async def examine(self, agent: Agent) -> Probe:
        """Look now, without storing it."""
        return await self._examined(agent, self._model)

    async def _examined(self, agent: Agent, model: ModelProbe) -> Probe:
        started = time.monotonic()
        try:
            status, problem = await self._look(agent, model)
        except LemnosError as error:  # no runtime, or a key that cannot be opened
            status, problem = Health.OFFLINE, error.message.rstrip(".")
        duration = (time.monotonic() - started) * 1000
        return Probe(clock.now(), status, problem, duration)

    def soon(self, agent: Agent) -> None:
        """Probe in the background."""
        probing = self._probe(agent, self._model)
        task = asyncio.create_task(probing, name=f"probe-{agent.agent_id}")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def sweep(self) -> None:
        """Probe the agents of all tenants whose turn it is."""
        due = await self._agents.unchecked(clock.now() - _EVERY, _IN_ONE_SWEEP)
        model = _AskedOnce(self._model)
        await asyncio.gather(*(self._probe(agent, model) for agent in due))

    async def prune(self) -> int:
        """Forget probes that no figure rests on any more; how many."""
        return await self._measures.prune(clock.now() - _KEPT)

    async def close(self) -> None:
        """End the probes under way."""
        for task in tuple(self._under_way):
            await cancelled(task)

    async def _look(self, agent: Agent, model: ModelProbe) -> tuple[Health, str]:
        name = self._access.runtime_of(agent)
        status = await self._runtimes.status(name)
        if not status.installed:
            return Health.OFFLINE, f"{name} is not installed here: {status.problem}"
        access = self._access.access_of(agent, self._accesses)
        if access.provider != "none":
            return of_answer(await model.ask(access))
        needs = self._runtimes.get(name).needs
        if needs in ("any", "none"):  # it can work without a model, or has a login of its own
            return Health.HEALTHY, ""
        return Health.OFFLINE, f"there is no API key for {needs}"

    async def _probe(self, agent: Agent, model: ModelProbe) -> None:
        async with self._room:
            probe = await self._examined(agent, model)
        with contextlib.suppress(LemnosError):  # the database is away: the next sweep comes
            await self._db.write(lambda tx: self._note(tx, agent, probe))

    async def _note(self, tx: Tx, agent: Agent, probe: Probe) -> None:
        if await self._agents.note_probe(tx, agent, probe):  # else it was removed meanwhile
            await self._measures.add_probe(tx, agent, probe)
            tx.after_commit(lambda: self._changed(agent.tenant, agent.agent_id))
