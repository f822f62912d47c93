"""An agent, and runtimes by name of which nothing is asked but what they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from lemnos.domains.agents.access import AgentAccess
from lemnos.domains.agents.model import Agent, AgentConfig, Constraints, Status
from lemnos.domains.agents.ports import Runtimes
from lemnos.platform.secrets import Vault

Needs = Literal["anthropic", "openai", "none", "any"]
NEEDS: Mapping[str, Needs] = {
    "claude-code": "anthropic",
    "codex": "openai",
    "builtin": "any",
    "acp:gemini": "any",
}
AGENT = Agent(
    tenant="t",
    agent_id="claude-sonnet-4",
    name="Claude Sonnet 4",
    provider="anthropic",
    model="claude-sonnet-4.5",
    capabilities=("code_generation",),
    constraints=Constraints(),
    config=AgentConfig(),
    status=Status.ACTIVE,
    created_by="me",
    registered_at=0,
    updated_at=0,
)


@dataclass(frozen=True)
class _Runtime:
    name: str
    needs: Needs


class _Runtimes:
    names = tuple(NEEDS)

    def get(self, name: str) -> _Runtime:
        return _Runtime(name, NEEDS[name])


def access() -> AgentAccess:
    return AgentAccess(cast("Runtimes", _Runtimes()), Vault(b"k" * 32))


def agent(**changes: Any) -> Agent:
    return replace(AGENT, **changes)
