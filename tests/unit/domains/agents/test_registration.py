"""What an agent may be registered as, and how a patch changes one."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lemnos.domains.agents.model import (
    AgentConfig,
    AgentPatch,
    Constraints,
    RetryPolicy,
    Status,
)
from lemnos.domains.agents.registration import config_of, constraints_of, patched, problems
from lemnos.kernel.errors import Invalid
from tests.unit.domains.agents.stand_ins import AGENT, agent


def test_the_documents_example_is_welcome():
    described = agent(
        capabilities=("code_generation", "code_review", "refactoring", "debugging"),
        constraints=constraints_of(
            {
                "max_tokens": 200000,
                "max_concurrent_tasks": 5,
                "rate_limit_per_minute": 50,
                "cost_per_1k_tokens": 0.003,
            }
        ),
        config=config_of(
            {"base_weight": 1.0, "retry_policy": {"max_retries": 3, "backoff_multiplier": 2.0}}
        )[0],
    )
    assert problems(described, "") == {}


def limits(**values: Any) -> dict[str, Any]:
    return {"constraints": Constraints(**values)}


def config(**values: Any) -> dict[str, Any]:
    return {"config": AgentConfig(**values)}


def policy(**values: Any) -> dict[str, Any]:
    return config(retry_policy=RetryPolicy(**values))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"agent_id": ""}, "agent_id"),
        ({"agent_id": "-rf"}, "agent_id"),
        ({"agent_id": "a/b"}, "agent_id"),
        ({"agent_id": "a\n"}, "agent_id"),
        ({"agent_id": "a" * 101}, "agent_id"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"provider": ""}, "provider"),
        ({"provider": "Anthropic"}, "provider"),
        ({"model": "--dangerously"}, "model"),
        ({"model": "a b"}, "model"),
        ({"capabilities": ("ok", "Not OK")}, "capabilities[1]"),
        ({"capabilities": ('quo"te',)}, "capabilities[0]"),
        ({"capabilities": tuple(f"c{n}" for n in range(101))}, "capabilities"),
        (limits(max_tokens=0), "constraints.max_tokens"),
        (limits(max_concurrent_tasks=0), "constraints.max_concurrent_tasks"),
        (limits(max_concurrent_tasks=1001), "constraints.max_concurrent_tasks"),
        (limits(rate_limit_per_minute=-1), "constraints.rate_limit_per_minute"),
        (limits(cost_per_1k_tokens=-0.1), "constraints.cost_per_1k_tokens"),
        (limits(cost_per_1k_tokens=math.nan), "constraints.cost_per_1k_tokens"),
        (config(base_weight=0.0), "config.base_weight"),
        (config(base_weight=math.inf), "config.base_weight"),
        (policy(max_retries=-1), "config.retry_policy.max_retries"),
        (policy(max_retries=11), "config.retry_policy.max_retries"),
        (policy(backoff_multiplier=0.5), "config.retry_policy.backoff_multiplier"),
        (config(extra={"note": "x" * 20_000}), "config"),
    ],
)
def test_each_field_is_named_that_is_wrong(changes: dict[str, Any], field: str):
    assert list(problems(agent(**changes), "")) == [field]


@pytest.mark.parametrize("key", ["with blank", "new\nline", "ümlaut", "x" * 4097])
def test_a_key_fits_into_a_header(key: str):
    assert list(problems(AGENT, key)) == ["config.api_key"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"max_tokens": "many"}, "constraints.max_tokens"),
        ({"max_concurrent_tasks": True}, "constraints.max_concurrent_tasks"),
        ({"max_concurrent_tasks": 1.5}, "constraints.max_concurrent_tasks"),
        ({"max_tokenz": 1}, "constraints.max_tokenz"),
    ],
)
def test_constraints_of_a_wrong_type(given: dict[str, Any], field: str):
    with pytest.raises(Invalid) as caught:
        constraints_of(given)
    assert list(caught.value.fields) == [field]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"base_weight": "heavy"}, "config.base_weight"),
        ({"retry_policy": 3}, "config.retry_policy"),
        ({"retry_policy": {"max_retries": "3"}}, "config.retry_policy.max_retries"),
        ({"retry_policy": {"retries": 3}}, "config.retry_policy.retries"),
        ({"api_key": 5}, "config.api_key"),
        ({"runtime": []}, "config.runtime"),
    ],
)
def test_a_configuration_of_a_wrong_type(given: dict[str, Any], field: str):
    with pytest.raises(Invalid) as caught:
        config_of(given)
    assert list(caught.value.fields) == [field]


def test_a_patch_is_merged_deep():
    before = agent(
        constraints=Constraints(max_tokens=9, rate_limit_per_minute=7),
        config=AgentConfig(
            base_weight=2.0,
            retry_policy=RetryPolicy(max_retries=1, backoff_multiplier=3.0),
            extra={"team": {"name": "a", "floor": 2}},
        ),
    )
    patch = AgentPatch(
        name="New",
        constraints={"max_concurrent_tasks": 10, "rate_limit_per_minute": None},
        config={"retry_policy": {"max_retries": 4}, "team": {"floor": None, "desk": 1}},
        status=Status.INACTIVE,
    )
    after, key = patched(before, patch)
    assert key is None
    assert after.constraints == Constraints(max_tokens=9, max_concurrent_tasks=10)
    assert after.config == AgentConfig(
        base_weight=2.0,
        retry_policy=RetryPolicy(max_retries=4, backoff_multiplier=3.0),
        extra={"team": {"name": "a", "desk": 1}},
    )
    assert (after.name, after.status, after.model) == ("New", Status.INACTIVE, before.model)


@pytest.mark.parametrize(
    ("patch", "key"),
    [
        (AgentPatch(), None),
        (AgentPatch(config={"base_weight": 2}), None),
        (AgentPatch(api_key="k"), "k"),
        (AgentPatch(config={"api_key": "k"}), "k"),
        (AgentPatch(config={"api_key": None}), ""),
        (AgentPatch(api_key=""), ""),
    ],
)
def test_the_key_is_not_part_of_what_is_kept_in_clear(patch: AgentPatch, key: str | None):
    after, found = patched(AGENT, patch)
    assert found == key
    assert "api_key" not in after.config.extra
    assert "'k'" not in repr(patch)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["base_weight", "retry_policy", "runtime", "base_url", "api_key", "extra", "x"]
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # of a busy machine
@given(st.dictionaries(FIELDS, JSON))
def test_whatever_is_sent_is_taken_or_refused(given_config):
    fields: list[str] = []
    try:
        made, _ = config_of(given_config)
        fields = list(problems(agent(config=made), ""))
    except Invalid as refused:
        fields = list(refused.fields)
    assert all(field.startswith("config") for field in fields)
