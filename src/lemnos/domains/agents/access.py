"""What runs an agent, and where its model is: provider and configuration, made into both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from lemnos.domains.agents.model import Agent
from lemnos.domains.agents.ports import ModelAccess, Runtimes
from lemnos.kernel.errors import Invalid
from lemnos.platform.secrets import Vault

_RUNTIMES = {
    "anthropic": "claude-code",
    "openai": "codex",
    "builtin": "builtin",
    "lemnos": "builtin",
    "local": "builtin",
}
_ACP = "acp:"
NONE = ModelAccess("none")


class AgentAccess:
    """Finds the runtime and the model endpoint of agents, and seals their keys."""

    def __init__(self, runtimes: Runtimes, vault: Vault) -> None:
        self._runtimes = runtimes
        self._vault = vault

    def runtime_of(self, agent: Agent) -> str:
        """The runtime's name: that of the configuration, else the one its provider stands for.

        A provider that is not known stands for the ACP agent of its name. Raises ``Invalid`` with
        code ``no_runtime`` when there is none; whether it is installed here is not asked.
        """
        names = self._runtimes.names
        if agent.config.runtime:
            if agent.config.runtime in names:
                return agent.config.runtime
            raise _no_runtime("config.runtime", f"must be one of {', '.join(sorted(names))}")
        found = _RUNTIMES.get(agent.provider, _ACP + agent.provider)
        if found in names:
            return found
        raise _no_runtime(
            "provider",
            f"{agent.provider} stands for no runtime here: name one as config.runtime, or set up "
            "an ACP agent of this name",
        )

    def access_of(self, agent: Agent, accesses: Mapping[str, ModelAccess]) -> ModelAccess:
        """The model endpoint and key that a run of the agent gets; provider none: no model.

        ``accesses`` are the operator's, by provider. Their keys go to their own endpoints alone:
        an agent with a ``base_url`` of its own gets its own key or none.
        """
        wanted = self.dialect_of(agent)
        if wanted == "none":
            return NONE
        access = accesses.get(wanted, NONE)
        base_url, own = agent.config.base_url, self.key_of(agent)
        price = agent.constraints.cost_per_1k_tokens
        if base_url:
            return ModelAccess(wanted, base_url, own, price, outside=True)
        key = own or access.api_key
        if not key:
            return NONE
        return ModelAccess(access.provider, access.base_url, key, price, access.outside)

    def dialect_of(self, agent: Agent) -> Literal["anthropic", "openai", "none"]:
        """Which API its model is asked by."""
        needs = self._runtimes.get(self.runtime_of(agent)).needs
        if needs != "any":
            return needs
        if not (agent.model or agent.config.base_url):
            return "none"  # the built-in agent works by deterministic tools then
        anthropic = agent.provider == "anthropic" or agent.model.startswith("claude")
        return "anthropic" if anthropic else "openai"

    def key_of(self, agent: Agent) -> str:
        """The agent's own API key in clear, empty when it has none."""
        if not agent.sealed:
            return ""
        return self._vault.open(agent.tenant, _sealed_name(agent.agent_id), agent.sealed).decode()

    def seal(self, tenant: str, agent_id: str, api_key: str) -> bytes:
        """The key as it is stored; empty for none."""
        if not api_key:
            return b""
        return self._vault.seal(tenant, _sealed_name(agent_id), api_key.encode())


def _no_runtime(field: str, problem: str) -> Invalid:
    return Invalid(f"{field}: {problem}.", code="no_runtime", fields={field: problem})


def _sealed_name(agent_id: str) -> str:
    return f"agent/{agent_id}"
