"""Agents are registered, found, changed and removed, each tenant's for itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from lemnos.domains.agents.model import (
    Agent,
    AgentConfig,
    AgentPatch,
    Ask,
    Breaker,
    Constraints,
    NewAgent,
    RetryPolicy,
    Status,
)
from lemnos.domains.agents.ports import ErrorClass, Verdict
from lemnos.kernel.errors import Conflict, Invalid, NotFound
from tests.conformance.agents.registry import CTX, OTHERS, Registry, failed


async def patch(registry: Registry, agent_id: str = "worker", **changes: Any) -> None:
    await registry.write(
        lambda tx: registry.service.update(tx, CTX, agent_id, AgentPatch(**changes))
    )


def unprobed(agent: Agent) -> Agent:
    """Its probe in the background may be through, or not yet."""
    return replace(agent, probe=None)


async def remove(registry: Registry, agent_id: str = "worker", *, force: bool = False) -> None:
    await registry.write(lambda tx: registry.service.remove(tx, CTX, agent_id, force=force))


async def test_everything_that_was_said_is_kept(registry: Registry):
    registered = await registry.register(
        "claude-sonnet-4",
        name="Claude Sonnet 4",
        provider="anthropic",
        model="claude-sonnet-4.5",
        capabilities=("code_generation", "code_review", "code_review"),
        constraints=Constraints(200_000, 5, 50, 0.003),
        config=AgentConfig(1.5, RetryPolicy(3, 2.5), extra={"team": {"desk": [1, None, "x"]}}),
        api_key="agents-own-key",
        status=Status.INACTIVE,
    )
    found = await registry.service.get(CTX, "claude-sonnet-4")
    assert unprobed(found) == registered
    assert found.capabilities == ("code_generation", "code_review")
    assert (found.breaker, found.last_seen, found.created_by) == (Breaker(), None, "system")
    assert b"agents-own-key" not in found.sealed
    assert registry.router.access_of(found, {}).provider == "none"


async def test_an_id_is_taken_once_in_a_tenant(registry: Registry):
    await registry.register()
    with pytest.raises(Conflict) as caught:
        await registry.register()
    assert caught.value.code == "agent_exists"
    agent = await registry.service.draft(OTHERS, NewAgent("worker", "Theirs", "builtin"))
    await registry.write(lambda tx: registry.service.register(tx, OTHERS, agent))
    assert (await registry.service.get(OTHERS, "worker")).name == "Theirs"
    assert (await registry.service.get(CTX, "worker")).name == "worker"


async def test_nothing_of_another_tenant_is_seen_changed_or_removed(registry: Registry):
    await registry.register()
    for attempt in (
        lambda: registry.service.get(OTHERS, "worker"),
        lambda: registry.write(
            lambda tx: registry.service.update(tx, OTHERS, "worker", AgentPatch(name="x"))
        ),
        lambda: registry.write(lambda tx: registry.service.remove(tx, OTHERS, "worker")),
    ):
        with pytest.raises(NotFound) as caught:
            await attempt()
        assert caught.value.code == "agent_not_found"
    assert (await registry.service.page(OTHERS)).items == ()
    assert (await registry.router.plan("others", Ask())).candidates == ()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["a", "b", "c"]),
        ({"provider": "lemnos"}, ["b"]),
        ({"capability": "code_review"}, ["a", "c"]),
        ({"capability": "code"}, []),
        ({"capability": "code%"}, []),
        ({"capability": "codexreview"}, ["b"]),
        ({"status": "inactive"}, ["c"]),
        ({"status": "active", "capability": "code_review"}, ["a"]),
        ({"provider": "nobody"}, []),
    ],
)
async def test_filters(registry: Registry, wanted: dict[str, Any], found: list[str]):
    await registry.register("c", capabilities=("code_review",), status=Status.INACTIVE)
    await registry.register("a", capabilities=("debugging", "code_review"))
    await registry.register("b", provider="lemnos", capabilities=("codexreview",))
    page = await registry.service.page(CTX, **wanted)
    assert [agent.agent_id for agent in page.items] == found
    assert page.total == len(found)


async def test_pages(registry: Registry):
    for number in range(5):
        await registry.register(f"agent-{number}")
    page = await registry.service.page(CTX, limit=2, offset=3)
    assert [agent.agent_id for agent in page.items] == ["agent-3", "agent-4"]
    assert page.total == 5


async def test_a_patch_changes_what_it_names(registry: Registry):
    await registry.register(constraints=Constraints(max_tokens=7), model="gpt-5")
    await patch(registry, name="New", constraints={"max_concurrent_tasks": 10})
    found = await registry.service.get(CTX, "worker")
    assert found.constraints == Constraints(max_tokens=7, max_concurrent_tasks=10)
    assert (found.name, found.model) == ("New", "gpt-5")
    with pytest.raises(Invalid) as caught:
        await patch(registry, constraints={"max_concurrent_tasks": 0})
    assert list(caught.value.fields) == ["constraints.max_concurrent_tasks"]
    assert unprobed(await registry.service.get(CTX, "worker")) == unprobed(found)


@pytest.mark.parametrize(
    ("described", "code", "field"),
    [
        ({"provider": "google"}, "no_runtime", "provider"),
        ({"config": AgentConfig(runtime="acp:none")}, "no_runtime", "config.runtime"),
        ({"config": AgentConfig(base_url="http://10.0.0.1")}, "address_refused", "config.base_url"),
        ({"config": AgentConfig(base_url="ftp://a.org")}, "address_refused", "config.base_url"),
        ({"capabilities": ("No",)}, "validation", "capabilities[0]"),
    ],
)
async def test_what_cannot_be_registered(
    registry: Registry, described: dict[str, Any], code: str, field: str
):
    with pytest.raises(Invalid) as caught:
        await registry.register(**described)
    assert (caught.value.code, list(caught.value.fields)) == (code, [field])
    assert (await registry.service.page(CTX)).total == 0


async def test_an_agents_key_does_not_follow_it_to_another_address(registry: Registry):
    await registry.register(provider="openai", model="gpt-5", api_key="agents-own-key")
    elsewhere = {"base_url": "https://models.example"}
    with pytest.raises(Invalid) as caught:
        await patch(registry, config=elsewhere)
    assert list(caught.value.fields) == ["config.api_key"]
    await patch(registry, config={**elsewhere, "api_key": "another-key"})
    access = registry.router.access_of(await registry.service.get(CTX, "worker"), {})
    assert (access.base_url, access.api_key) == ("https://models.example", "another-key")
    await patch(registry, api_key="")
    access = registry.router.access_of(await registry.service.get(CTX, "worker"), {})
    assert access.api_key == ""


async def test_an_agent_at_work_is_not_removed(registry: Registry):
    await registry.register()
    attempt = await registry.admit()
    with pytest.raises(Conflict) as caught:
        await remove(registry)
    assert (caught.value.code, caught.value.details) == ("agent_busy", {"running": 1})
    await registry.end(attempt)
    await remove(registry)
    with pytest.raises(NotFound):
        await registry.service.get(CTX, "worker")


async def test_removed_by_force_its_attempts_are_its_failures(registry: Registry):
    await registry.register()
    attempt = await registry.admit()
    assert attempt is not None
    assert await registry.router.still_open(attempt)
    await remove(registry, force=True)
    assert not await registry.router.still_open(attempt)
    assert await registry.admit() is None
    recorded = await registry.end(attempt)  # the run was stopped, and says so too late
    assert (recorded.verdict, recorded.error_class) == (Verdict.FAILED, ErrorClass.AGENT)
    assert await registry.router.attempts(CTX.tenant, "task") == (recorded,)
    assert (await registry.plan()).candidates == ()


async def test_a_new_agent_does_not_inherit_from_one_of_its_id(registry: Registry):
    await registry.register()
    await registry.work(failed(), failed())
    assert (await registry.health()).error_rate == 1
    await remove(registry)
    await registry.register()
    report = await registry.health()
    assert (report.error_rate, report.samples) == (None, 0)
    assert (await registry.plan()).candidates[0].terms.performance == 50
    assert (await registry.service.metrics(CTX, 0)).total.failures == 2


async def test_changes_at_once_are_all_kept(registry: Registry, other_node: Registry):
    await registry.register()
    await asyncio.gather(
        patch(registry, constraints={"max_tokens": 5}),
        patch(other_node, constraints={"rate_limit_per_minute": 6}),
        patch(registry, config={"base_weight": 2}),
        patch(other_node, config={"retry_policy": {"max_retries": 4}}),
    )
    found = await registry.service.get(CTX, "worker")
    assert found.constraints == Constraints(max_tokens=5, rate_limit_per_minute=6)
    assert found.config == AgentConfig(2.0, RetryPolicy(max_retries=4))
