"""The registry of agents."""

from __future__ import annotations

from collections.abc import Sequence

from lemnos_sdk._call import IO, Call, Resource, given, operation, path
from lemnos_sdk._model import nothing
from lemnos_sdk._pages import Pages
from lemnos_sdk.orchex._orchex import get, listing, post, put
from lemnos_sdk.orchex.models import Agent, Registered
from lemnos_sdk.orchex.params import AgentConfig, AgentConstraints

ROOT = "/v1/agents"


class Agents(Resource[IO]):
    """``client.agents``."""

    @operation
    def register(
        self,
        *,
        agent_id: str,
        name: str,
        provider: str,
        model: str | None = None,
        capabilities: Sequence[str] | None = None,
        constraints: AgentConstraints | None = None,
        config: AgentConfig | None = None,
        status: str | None = None,
        api_key: str | None = None,
    ) -> Call[Registered]:
        """Register an agent.

        ``constraints``: ``max_tokens``, ``max_concurrent_tasks``, ``rate_limit_per_minute``,
        ``cost_per_1k_tokens``. ``config``: ``base_weight``, ``retry_policy``, ``runtime``,
        ``base_url``. Raises ConflictError when the id is taken.
        """
        fields = given(
            agent_id=agent_id,
            name=name,
            provider=provider,
            model=model,
            capabilities=capabilities,
            constraints=constraints,
            config=config,
            status=status,
            api_key=api_key,
        )
        return post(ROOT, Registered, fields)

    def list(
        self,
        *,
        provider: str | None = None,
        capability: str | None = None,
        status: str | None = None,
        limit: int | None = None,
    ) -> Pages[Agent, IO]:
        """The agents; ``limit`` is the size of a page."""
        filters = {"provider": provider, "capability": capability, "status": status}
        return Pages(self._io, listing(ROOT, "agents", Agent, limit=limit, **filters))

    @operation
    def get(self, agent_id: str) -> Call[Agent]:
        """One agent with its health and performance."""
        return get(path(ROOT, agent_id), Agent)

    @operation
    def update(
        self,
        agent_id: str,
        *,
        name: str | None = None,
        model: str | None = None,
        capabilities: Sequence[str] | None = None,
        constraints: AgentConstraints | None = None,
        config: AgentConfig | None = None,
        status: str | None = None,
        api_key: str | None = None,
    ) -> Call[Agent]:
        """Change what is given; mappings are merged into what is there."""
        fields = given(
            name=name,
            model=model,
            capabilities=capabilities,
            constraints=constraints,
            config=config,
            status=status,
            api_key=api_key,
        )
        return put(path(ROOT, agent_id), Agent, fields)

    @operation
    def delete(self, agent_id: str, *, force: bool | None = None) -> Call[None]:
        """Remove an agent. Raises ConflictError while it works, unless forced."""
        query = given(force=force)
        return Call("DELETE", path(ROOT, agent_id), nothing, query=query)
