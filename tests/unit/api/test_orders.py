"""From a submitted task to the order that it is: what is a repository, and what only describes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from lemnos.api.orchex.examples.tasks import SUBMIT
from lemnos.api.orchex.present import orders
from lemnos.api.orchex.wire.tasks import RouteTask, SubmitTask
from lemnos.domains.agents.model import Strategy
from lemnos.domains.tasks.model import Priority, TaskType
from lemnos.domains.tasks.routing.model import FanOut, Order


def order(**given: Any) -> Order:
    body = {"type": "testing", "description": "x", **given}
    return orders.order(SubmitTask.model_validate(body))


def test_the_document_s_example_as_an_order():
    made = orders.order(SubmitTask.model_validate(SUBMIT))
    assert made == Order(
        type=TaskType.CODE_GENERATION,
        description=SUBMIT["description"],
        repo_url="",
        context=SUBMIT["context"],
        required_capabilities=("code_generation", "security_analysis"),
        max_tokens=4000,
        timeout_seconds=300,
        priority=Priority.HIGH,
        max_cost_usd=0.5,
        preferred_providers=("anthropic", "openai"),
        excluded_agents=(),
        metadata={"user_id": "user123", "project": "authentication-service"},
    )


@pytest.mark.parametrize(
    ("context", "repo_url", "described"),
    [
        ({"repository": "my-app"}, "", {"repository": "my-app"}),
        ({"repository": "user/repo"}, "", {"repository": "user/repo"}),
        ({"repository": "https://h/u/r.git"}, "https://h/u/r.git", {}),
        ({"repository": "/srv/r"}, "/srv/r", {}),
        ({"repository_url": "https://h/r", "repository_path": "/r"}, "https://h/r", {}),
        (
            {"repository": "shop", "repository_path": "/r", "branch": "b"},
            "/r",
            {"repository": "shop"},
        ),
        ({"repository": "https://h/a", "repository_url": "https://h/a"}, "https://h/a", {}),
        ({"language": "go", "team": {"name": "x"}}, "", {"language": "go", "team": {"name": "x"}}),
        ({}, "", {}),
    ],
)
def test_only_an_address_is_a_repository(
    context: dict[str, Any], repo_url: str, described: dict[str, Any]
):
    made = order(context=context)
    assert (made.repo_url, made.context) == (repo_url, described)
    assert made.branch == context.get("branch", "")


def test_a_credential_by_its_name_and_the_rest_of_what_is_ours():
    made = order(
        context={"repository": "/r", "provider_key": "mine"},
        agent_id="a1",
        strategy="weighted",
        fan_out={"agents": ["a", "b", "a"]},
        constraints={"excluded_agents": ["z", "z"]},
    )
    assert (made.provider_key, made.agent_id, made.strategy) == ("mine", "a1", Strategy.WEIGHTED)
    assert made.fan_out == FanOut(("a", "b"), "gates")
    assert made.excluded_agents == ("z",)
    assert made.context == {}


def test_a_dry_run_asks_for_the_same():
    asked = orders.ask(RouteTask.model_validate(SUBMIT))
    assert asked.type == "code_generation"
    assert asked.required_capabilities == ("code_generation", "security_analysis")
    assert (asked.max_tokens, asked.max_cost_usd) == (4000, 0.5)
    assert asked.preferred_providers == ("anthropic", "openai")


@pytest.mark.parametrize(
    "given",
    [
        {"type": "magic"},
        {"description": ""},
        {"description": "a\0b"},
        {"unknown": 1},
        {"context": {"repository": 1}},
        {"context": {"files": "a.py"}},
        {"context": []},
        {"requirements": {"priority": "soon"}},
        {"requirements": {"max_tokens": -1}},
        {"requirements": {"timeout_seconds": 0}},
        {"requirements": {"nonsense": 1}},
        {"constraints": {"max_cost_usd": -0.5}},
        {"constraints": {"max_cost_usd": 0}},
        {"constraints": {"max_cost_usd": float("inf")}},
        {"constraints": {"excluded_agents": ["a b"]}},
        {"metadata": {"user_id": 7}},
        {"fan_out": {"agents": ["only-one"]}},
        {"fan_out": {"agents": ["a", "b"], "pick": "luck"}},
        {"strategy": "random"},
    ],
)
def test_what_is_refused(given: dict[str, Any]):
    with pytest.raises(ValidationError):
        order(**given)
