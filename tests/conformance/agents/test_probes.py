"""Health from real probes: of runtimes, and of a model endpoint over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from lemnos.domains.agents.model import AgentConfig, AgentPatch, Health, HealthReport, NewAgent
from lemnos.kernel import clock
from lemnos.kernel.clock import SECOND
from tests.conformance.agents.conftest import Endpoint
from tests.conformance.agents.registry import CTX, Registry, eventually

LOCAL_MODEL: dict[str, Any] = {"provider": "local", "model": "gpt-5"}


async def probed(registry: Registry, agent_id: str = "worker", after: int = 0) -> HealthReport:
    """Its health once the probe in the background is through."""

    async def seen() -> bool:
        checked = (await registry.health(agent_id)).last_check
        return checked is not None and checked >= after

    await eventually(seen)
    return await registry.health(agent_id)


async def test_a_new_agent_is_probed_at_once(registry: Registry):
    await registry.register()
    report = await probed(registry)
    assert (report.status, report.problem, report.uptime) == (Health.HEALTHY, "", 1.0)


async def test_an_agent_can_be_examined_before_it_is_registered(registry: Registry):
    agent = await registry.service.draft(CTX, NewAgent("worker", "W", "openai", "gpt-5"))
    agent = await registry.service.examine(agent)
    assert agent.probe is not None
    assert agent.probe.status is Health.OFFLINE
    await registry.write(lambda tx: registry.service.register(tx, CTX, agent))
    report = await registry.health()
    assert (report.status, report.last_check) == (Health.OFFLINE, agent.probe.at)
    assert report.uptime == 0


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_without_its_runtime_an_agent_is_offline_and_left_out(
    registry: Registry, provider: str
):
    await registry.register(provider=provider)
    report = await probed(registry)
    assert report.status is Health.OFFLINE
    assert "is not installed here" in report.problem
    decision = await registry.plan()
    assert decision.candidates == ()
    assert [one.code for one in decision.left_out] == ["offline"]
    assert report.problem in decision.left_out[0].reason


@pytest.mark.parametrize(
    ("status", "health", "problem"),
    [
        (200, Health.HEALTHY, ""),
        (404, Health.HEALTHY, ""),
        (401, Health.OFFLINE, "does not accept the API key"),
        (403, Health.UNHEALTHY, "refuses the API key"),
        (503, Health.UNHEALTHY, "fails (503)"),
    ],
)
async def test_what_the_model_endpoint_says(
    registry: Registry, endpoint: Endpoint, status: int, health: Health, problem: str
):
    endpoint.status = status
    await registry.register(**LOCAL_MODEL)
    report = await probed(registry)
    assert report.status is health
    assert problem in report.problem
    (request,) = endpoint.requests
    assert (request.method, request.path) == ("GET", "/models")
    assert request.headers["authorization"] == "Bearer operators-key"


async def test_an_agents_own_key_is_the_one_that_is_tried(registry: Registry, endpoint: Endpoint):
    await registry.register(**LOCAL_MODEL, api_key="agents-own-key")
    await probed(registry)
    assert endpoint.requests[0].headers["authorization"] == "Bearer agents-own-key"


async def test_nobody_listens(registry: Registry, endpoint: Endpoint):
    endpoint.stop()
    await registry.register(**LOCAL_MODEL)
    report = await probed(registry)
    assert report.status is Health.OFFLINE
    assert "cannot be reached" in report.problem


async def test_an_address_that_leads_into_the_private_network(registry: Registry):
    """Its name could be checked only by looking it up, which registration does not."""
    inside = AgentConfig(base_url="http://localhost:9")
    await registry.register(**LOCAL_MODEL, config=inside)
    report = await probed(registry)
    assert report.status is Health.OFFLINE
    assert "not on the public internet" in report.problem


async def test_a_change_is_probed_at_once(registry: Registry, endpoint: Endpoint):
    endpoint.status = 401
    await registry.register(**LOCAL_MODEL)
    assert (await probed(registry)).status is Health.OFFLINE
    endpoint.status = 200
    now = clock.now()
    patch = AgentPatch(api_key="better-key")
    await registry.write(lambda tx: registry.service.update(tx, CTX, "worker", patch))
    report = await probed(registry, after=now)
    assert (report.status, report.uptime) == (Health.HEALTHY, 0.5)
    assert endpoint.requests[-1].headers["authorization"] == "Bearer better-key"


async def test_each_agent_is_probed_every_minute(
    registry: Registry, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
):
    await registry.register(**LOCAL_MODEL)
    await probed(registry)
    await registry.sweep()
    assert len(endpoint.requests) == 1
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + 61 * SECOND)
    endpoint.status = 500
    await registry.sweep()
    assert len(endpoint.requests) == 2
    report = await registry.health()
    assert (report.status, report.uptime) == (Health.UNHEALTHY, 1.0)


async def test_agents_of_one_endpoint_and_key_are_probed_by_one_request(
    registry: Registry, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
):
    names = ["a", "b", "c"]
    for name in names:
        await registry.register(name, **LOCAL_MODEL)
    await registry.register("own", **LOCAL_MODEL, api_key="agents-own-key")
    for name in (*names, "own"):
        await probed(registry, name)
    before = len(endpoint.requests)
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + 61 * SECOND)
    endpoint.status = 429
    await registry.sweep()
    assert len(endpoint.requests) == before + 2
    for name in names:
        assert (await registry.health(name)).status is Health.DEGRADED


async def test_a_probe_tells_nothing_of_the_key(registry: Registry, endpoint: Endpoint):
    endpoint.stop()
    await registry.register(**LOCAL_MODEL, api_key="agents-own-key")
    assert "agents-own-key" not in (await probed(registry)).problem
