"""Which runtime and which model endpoint an agent gets."""

from __future__ import annotations

from typing import Any

import pytest

from lemnos.domains.agents.model import AgentConfig, Constraints
from lemnos.domains.agents.ports import ModelAccess
from lemnos.kernel.errors import Invalid
from lemnos.platform.secrets.vault import SecretUnreadable
from tests.unit.domains.agents.stand_ins import access, agent

OURS = {
    "anthropic": ModelAccess("anthropic", "https://api.anthropic.com", "operator-a"),
    "openai": ModelAccess("openai", "https://api.openai.com/v1", "operator-o"),
}
NONE = ModelAccess("none")


@pytest.mark.parametrize(
    ("provider", "runtime", "name"),
    [
        ("anthropic", "", "claude-code"),
        ("openai", "", "codex"),
        ("builtin", "", "builtin"),
        ("lemnos", "", "builtin"),
        ("local", "", "builtin"),
        ("gemini", "", "acp:gemini"),
        ("google", "acp:gemini", "acp:gemini"),
        ("anthropic", "builtin", "builtin"),
    ],
)
def test_the_runtime(provider: str, runtime: str, name: str):
    described = agent(provider=provider, config=AgentConfig(runtime=runtime))
    assert access().runtime_of(described) == name


@pytest.mark.parametrize(
    ("provider", "runtime", "field"),
    [("google", "", "provider"), ("anthropic", "nonsense", "config.runtime")],
)
def test_no_runtime(provider: str, runtime: str, field: str):
    described = agent(provider=provider, config=AgentConfig(runtime=runtime))
    with pytest.raises(Invalid) as caught:
        access().runtime_of(described)
    assert caught.value.code == "no_runtime"
    assert list(caught.value.fields) == [field]


def own(key: str, **changes: Any) -> Any:
    return agent(**changes, sealed=access().seal("t", "claude-sonnet-4", key))


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        (agent(), OURS["anthropic"]),
        (own("mine"), ModelAccess("anthropic", "https://api.anthropic.com", "mine")),
        (agent(provider="openai", model="gpt-5"), OURS["openai"]),
        (agent(provider="builtin", model=""), NONE),
        (agent(provider="local", model="gpt-5"), OURS["openai"]),
        (agent(provider="local", model="claude-sonnet-4.5"), OURS["anthropic"]),
        (
            agent(constraints=Constraints(cost_per_1k_tokens=0.003)),
            ModelAccess("anthropic", "https://api.anthropic.com", "operator-a", 0.003),
        ),
    ],
)
def test_the_model_endpoint(described: Any, expected: ModelAccess):
    assert access().access_of(described, OURS) == expected


@pytest.mark.parametrize("key", ["", "mine"])
def test_the_operators_key_goes_to_no_address_of_a_callers(key: str):
    elsewhere = own(key, config=AgentConfig(base_url="https://models.example"))
    found = access().access_of(elsewhere, OURS)
    assert found == ModelAccess("anthropic", "https://models.example", key, outside=True)


def test_without_any_key_there_is_no_model():
    assert access().access_of(agent(), {"anthropic": ModelAccess("anthropic", "https://x")}) == NONE
    assert access().access_of(agent(), {}) == NONE


def test_a_key_opens_for_its_own_agent_alone():
    moved = own("mine", agent_id="another")
    with pytest.raises(SecretUnreadable):
        access().key_of(moved)
    assert access().key_of(own("mine")) == "mine"
    assert b"mine" not in own("mine").sealed
