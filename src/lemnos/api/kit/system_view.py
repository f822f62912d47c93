"""How the parts that route and do work are, each really looked at.

Of agents and queue only those of one tenant are looked at.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from lemnos.api.kit.readiness import Readiness
from lemnos.domains.agents.model import Ask, Health
from lemnos.domains.agents.router import Router
from lemnos.domains.agents.routing import Standing
from lemnos.domains.agents.service import AgentService
from lemnos.engine.backlog import Backlog
from lemnos.kernel.context import system_context
from lemnos.kernel.errors import LemnosError
from lemnos.platform.telemetry.metrics import Metrics
from lemnos.platform.telemetry.window import Traffic

_OPEN = "circuit_open"  # routing's code for an agent whose breaker is open
FRESH_FOR = 1.0  # seconds
_UNEVEN = 0.5  # difference of loads from which work is no longer balanced [ours]
# What the two engines cannot work without.
ANALYSERS = ("complexipy", "lizard", "tree_sitter", "tree_sitter_python")
REFACTORERS = ("ast_grep_py", "libcst", "rope")


@dataclass(frozen=True, slots=True)
class Part:
    """One component: healthy, degraded or unhealthy, why, and what it says of itself."""

    status: str
    detail: str = ""
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Look:
    """All components at one moment, and the tenant's agents by health."""

    parts: Mapping[str, Part]
    agents: Mapping[Health, int]

    @property
    def status(self) -> str:
        """Unhealthy without registry or router, as then no task finds an agent."""
        states = {name: part.status for name, part in self.parts.items()}
        if "unhealthy" in (states["registry"], states["router"]):
            return "unhealthy"
        return "healthy" if set(states.values()) == {"healthy"} else "degraded"


class SystemView:
    """Looks at the components of one server.

    ``backlog`` counts a tenant's tasks. ``home`` is the tenant that callers without a credential
    are shown.
    """

    def __init__(
        self,
        agents: AgentService,
        router: Router,
        metrics: Metrics,
        readiness: Readiness,
        backlog: Callable[[str], Awaitable[Backlog]],
        home: str,
    ) -> None:
        self.backlog = backlog
        self._agents = agents
        self._routing = router
        self._metrics = metrics
        self._readiness = readiness
        self._home = home
        self._glanced = Look({}, {})
        self._glanced_at = float("-inf")

    async def glance(self) -> Look:
        """What a caller without a credential is shown: of a second ago, as anyone may ask."""
        if time.monotonic() - self._glanced_at >= FRESH_FOR:
            self._glanced, self._glanced_at = await self.look(self._home), time.monotonic()
        return self._glanced

    def traffic(self) -> Traffic:
        """The requests to this node in the last minute."""
        return self._metrics.window.read()

    async def look(self, tenant: str) -> Look:
        """The components now, with the tenant's own agents."""
        registry, agents = await self._registry(tenant)
        try:
            standings = await self._routing.standings(tenant)
        except LemnosError as error:
            router = balancer = fallback = Part("unhealthy", error.message)
        else:
            router = await self._router(tenant, standings)
            balancer, fallback = _balancer(standings), _fallback(standings)
        parts = {
            "router": router,
            "registry": registry,
            "load_balancer": balancer,
            "fallback_manager": fallback,
            "analyzer": self._engine(ANALYSERS),
            "refactoring_engine": self._engine(REFACTORERS),
        }
        return Look(parts, agents)

    async def _registry(self, tenant: str) -> tuple[Part, Mapping[Health, int]]:
        """Read and count all agents."""
        try:
            agents = await self._agents.census(system_context(tenant, "health"))
        except LemnosError as error:
            return Part("unhealthy", error.message, {"agents": None}), {}
        return Part("healthy", figures={"agents": sum(agents.values())}), agents

    async def _router(self, tenant: str, standings: Sequence[Standing]) -> Part:
        """Decide on work that asks for nothing: some agent must be there to do it."""
        begun = time.perf_counter()
        decision = await self._routing.plan(tenant, Ask())
        took = round((time.perf_counter() - begun) * 1000, 3)
        loads = _loads(standings)
        figures = {"load": round(sum(loads) / len(loads), 4) if loads else None}
        figures["decision_ms"] = took
        if standings and not decision.candidates:
            return Part("degraded", "No registered agent can take work.", figures)
        return Part("healthy", figures=figures)

    def _engine(self, tools: Sequence[str]) -> Part:
        """Whether its tools are there, and jobs are taken up on this node."""
        if missing := [name for name in tools if find_spec(name) is None]:
            return Part("unhealthy", f"Not installed: {', '.join(missing)}.")
        if not self._readiness.working:
            return Part("degraded", "Jobs are not taken up on this node yet.")
        return Part("healthy")


def _loads(standings: Sequence[Standing]) -> list[float]:
    """The loads of agents that nothing keeps from work."""
    return [one.load for one in standings if one.obstacle is None]


def _balancer(standings: Sequence[Standing]) -> Part:
    """How even the work under way is, from the load of each agent."""
    loads = _loads(standings)
    if not any(loads):
        return Part("healthy", figures={"distribution": "idle"})
    spread = max(loads) - min(loads)
    figures = {"distribution": "skewed" if spread > _UNEVEN else "balanced"}
    if not any(one.has_room for one in standings if one.obstacle is None):
        return Part("degraded", "Every agent is full: tasks wait.", figures)
    return Part("healthy", f"Loads are from {min(loads):.0%} to {max(loads):.0%}.", figures)


def _fallback(standings: Sequence[Standing]) -> Part:
    """Which agents are cut off as they failed in a row."""
    obstacles = ((one.agent_id, one.obstacle) for one in standings)
    cut_off = [agent for agent, why in obstacles if why and why[0] == _OPEN]
    figures = {"open_breakers": cut_off}
    if not cut_off:
        return Part("healthy", figures=figures)
    status = "unhealthy" if len(cut_off) == len(standings) else "degraded"
    return Part(status, f"{len(cut_off)} agents have failed in a row.", figures)
