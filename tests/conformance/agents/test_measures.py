"""What attempts and judgements add up to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lemnos.domains.agents.model import Health, Judgement, Performance
from lemnos.domains.agents.ports import ErrorClass, RunResult, Usage, Verdict
from lemnos.kernel import clock
from lemnos.kernel.clock import SECOND
from tests.conformance.agents.registry import CTX, DONE, OTHERS, Registry, failed

HOUR = 3600 * SECOND


async def judge(
    registry: Registry, judgement: Judgement, passed: bool, task_id: str = "t-1", tenant: str = ""
) -> None:
    await registry.write(
        lambda tx: registry.service.judge(
            tx, tenant or CTX.tenant, "worker", task_id, 1, judgement, passed
        )
    )


async def performance(registry: Registry, since: int = 0) -> Performance:
    return (await registry.service.performance(CTX, ["worker"], since))["worker"]


async def test_a_new_agent_has_nothing_to_show(registry: Registry):
    await registry.register()
    assert await performance(registry) == Performance()
    report = await registry.health()
    assert (report.avg_response_ms, report.error_rate, report.samples) == (None, None, 0)


async def test_performance(registry: Registry):
    await registry.register()
    await registry.work(DONE, DONE, DONE, failed(ErrorClass.RATE_LIMIT))
    found = await performance(registry)
    assert (found.completed, found.failures, found.success_rate) == (3, 1, 0.75)
    assert found.cost_usd == pytest.approx(0.75)
    assert found.avg_duration_ms is not None
    assert found.avg_duration_ms >= 0
    assert await performance(registry, clock.now() + SECOND) == Performance()


async def test_quality_is_the_share_of_judgements_in_favour(registry: Registry):
    await registry.register()
    await judge(registry, Judgement.CHECKS, True)
    await judge(registry, Judgement.TESTS, True)
    await judge(registry, Judgement.APPROVAL, False)
    await judge(registry, Judgement.CHECKS, True, "t-2")
    assert await performance(registry) == Performance(quality=75.0, judgements=4)
    await judge(registry, Judgement.APPROVAL, True)  # a person thinks better of it
    assert await performance(registry) == Performance(quality=100.0, judgements=4)
    await judge(registry, Judgement.REVERTED, True, "t-2")  # always against it
    assert await performance(registry) == Performance(quality=80.0, judgements=5)
    await judge(registry, Judgement.TESTS, False, "t-3", OTHERS.tenant)
    assert (await performance(registry)).judgements == 5


async def test_routing_follows_the_outcomes(registry: Registry):
    await registry.register("good")
    await registry.register("bad")
    await registry.work(DONE, agent_id="good")
    await registry.work(failed(), agent_id="bad", task_id="u")
    decision = await registry.plan()
    assert [one.agent_id for one in decision.candidates] == ["good", "bad"]
    performances = [one.terms.performance for one in decision.candidates]
    assert performances == [pytest.approx(70), pytest.approx(30)]


async def test_health_by_errors(registry: Registry):
    await registry.register()
    await registry.work(*[DONE] * 10, failed())
    report = await registry.health()
    assert (report.status, report.samples) == (Health.HEALTHY, 11)
    await registry.work(failed(), failed())
    report = await registry.health()
    assert report.error_rate == pytest.approx(3 / 13)
    assert report.status is Health.DEGRADED
    assert (await registry.service.census(CTX))[Health.DEGRADED] == 1


async def test_errors_are_forgiven_after_a_day(registry: Registry, monkeypatch):
    await registry.register()
    await registry.work(failed())
    assert (await registry.health()).status is Health.UNHEALTHY
    tomorrow = clock.now() + 25 * HOUR
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    assert (await registry.health()).status is Health.HEALTHY


async def test_the_response_time_is_that_until_the_first_sign(registry: Registry):
    await registry.register()
    for response in (100.0, 300.0, None):
        attempt = await registry.admit()
        assert attempt is not None
        await registry.end(replace(attempt, first_response_ms=response))
    assert (await registry.health()).avg_response_ms == pytest.approx(200)


async def test_metrics(registry: Registry):
    await registry.register()
    await registry.register("other")
    cost = Usage(10, 5, 0.5)
    await registry.work(failed(ErrorClass.NETWORK, usage=cost), task_id="t")
    await registry.work(replace(DONE, usage=cost), task_id="t")  # the same task's second try
    await registry.work(DONE, RunResult(Verdict.CANCELLED), agent_id="other", task_id="u")
    await judge(registry, Judgement.CHECKS, True)
    found = await registry.service.metrics(CTX, clock.now() - HOUR)
    total = found.total
    assert (total.tasks, total.attempts, total.completed, total.failures) == (3, 4, 2, 1)
    assert (total.input_tokens, total.output_tokens) == (120, 20)
    assert total.cost_usd == pytest.approx(1.25)
    assert (total.quality, total.judgements) == (100, 1)
    assert total.success_rate == pytest.approx(2 / 3)
    assert found.errors == {"network": 1}
    assert sum(hour.attempts for hour in found.hours.values()) == 4
    assert all(start % HOUR == 0 and start <= clock.now() for start in found.hours)
    assert (found.agents["worker"].tasks, found.agents["worker"].attempts) == (1, 2)
    assert found.agents["other"].quality is None
    one = await registry.service.metrics(CTX, 0, "other")
    assert one.total == one.agents["other"]
    assert (one.total.attempts, one.errors) == (2, {})
    nobody = await registry.service.metrics(OTHERS, 0)
    assert (nobody.total.attempts, nobody.agents, nobody.hours) == (0, {}, {})


async def test_of_many_agents_each_has_its_own(registry: Registry):
    names = [f"agent-{number:02}" for number in range(20)]
    for name in names:
        await registry.register(name)
    await registry.work(DONE, agent_id="agent-07")
    agents = (await registry.service.page(CTX)).items
    reports = await registry.service.health(CTX, agents)
    assert [name for name in names if reports[name].samples] == ["agent-07"]
    found = await registry.service.performance(CTX, names, 0)
    assert [name for name in names if found[name].completed] == ["agent-07"]
