"""Places under an agent's limits, taken and freed in the database, on one node and on two."""

from __future__ import annotations

import asyncio

import pytest

from lemnos.domains.agents.model import Attempt, BreakerState, Status
from lemnos.domains.agents.ports import ErrorClass, RunResult, Verdict
from lemnos.kernel import clock
from lemnos.kernel.clock import SECOND
from lemnos.platform.db import Tx
from tests.conformance.agents.registry import CTX, DONE, Registry, eventually, failed

CANCELLED = RunResult(Verdict.CANCELLED)
OVER_BUDGET = RunResult(Verdict.OVER_BUDGET, error_class=ErrorClass.BUDGET)


async def admitted(*asked: Registry) -> list[Attempt]:
    """Everyone asks for a place of the same agent at the same time."""
    found = await asyncio.gather(*(node.admit(task_id=f"t{n}") for n, node in enumerate(asked)))
    return [attempt for attempt in found if attempt is not None]


async def breaker_of(registry: Registry) -> BreakerState:
    return (await registry.service.get(CTX, "worker")).breaker.state


async def test_two_race_for_the_last_place(registry: Registry, other_node: Registry):
    await registry.limited(max_concurrent_tasks=1)
    for _ in range(5):
        (winner,) = await admitted(registry, other_node)
        await registry.end(winner)


async def test_many_race_for_few_places(registry: Registry, other_node: Registry):
    await registry.limited(max_concurrent_tasks=5)
    won = await admitted(*[registry, other_node] * 6)
    assert len(won) == 5
    assert await registry.admit() is None
    await registry.end(won[0])
    assert len(await admitted(registry, other_node)) == 1


async def test_ten_places_are_nine(registry: Registry):
    """Work is taken while the load is under 90 %."""
    await registry.limited(max_concurrent_tasks=10)
    assert len(await admitted(*[registry] * 12)) == 9


async def test_so_many_a_minute(registry: Registry, other_node: Registry):
    await registry.limited(rate_limit_per_minute=3)
    won = await admitted(*[registry, other_node] * 4)
    assert len(won) == 3
    for attempt in won:
        await registry.end(attempt)
    assert await registry.admit() is None
    decision = await registry.plan()
    assert [one.has_room for one in decision.candidates] == [False]


async def test_after_a_minute_there_is_room_again(registry: Registry, monkeypatch):
    await registry.limited(rate_limit_per_minute=1)
    await registry.work(DONE)
    assert await registry.admit() is None
    later(monkeypatch, 61)
    assert await registry.admit() is not None


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The clock of this process goes on by so much."""
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + int(seconds * SECOND))


@pytest.mark.parametrize("status", [one for one in Status if one is not Status.ACTIVE])
async def test_only_an_active_agent_takes_work(registry: Registry, status: Status):
    await registry.register(status=status)
    assert await registry.admit() is None


async def test_who_is_not_there_takes_no_work(registry: Registry):
    assert await registry.admit("nobody") is None


async def test_an_attempt_is_recorded_whole(registry: Registry):
    await registry.register()
    attempt = await registry.admit()
    assert attempt is not None
    assert await registry.router.attempts(CTX.tenant, "task") == (attempt,)
    assert await registry.router.attempts("others", "task") == ()
    ended = await registry.end(attempt, failed(ErrorClass.NETWORK))
    assert await registry.router.attempts(CTX.tenant, "task") == (ended,)
    assert (ended.verdict, ended.error_class) == (Verdict.FAILED, ErrorClass.NETWORK)
    assert ended.duration_ms is not None
    assert (await registry.service.get(CTX, "worker")).last_seen == ended.ended_at


async def test_an_attempt_ends_once(registry: Registry):
    await registry.register()
    attempt = await registry.admit()
    first = await registry.end(attempt, failed())
    assert await registry.end(attempt, DONE) == first


async def test_whoever_waits_hears_of_a_place_in_the_same_transaction(registry: Registry):
    heard: list[tuple[str, str]] = []

    async def on_room(tx: Tx, tenant: str, agent_id: str) -> None:
        heard.append((tenant, agent_id))
        raise RuntimeError("what fails here undoes the ending")

    await registry.register()
    attempt = await registry.admit()
    registry.router.on_room = on_room
    with pytest.raises(RuntimeError):
        await registry.end(attempt)
    assert set(heard) == {(CTX.tenant, "worker")}  # SQLite runs the body again, by itself
    assert attempt is not None
    assert await registry.router.still_open(attempt)


# --- the circuit breaker --------------------------------------------------------------------------


async def test_five_failures_open_the_breaker_three_trials_close_it(
    registry: Registry, monkeypatch
):
    await registry.register()
    await registry.work(*[failed()] * 4)
    assert await breaker_of(registry) is BreakerState.CLOSED
    await registry.work(failed())
    assert await breaker_of(registry) is BreakerState.OPEN
    assert await registry.admit() is None
    assert [one.code for one in (await registry.plan()).left_out] == ["circuit_open"]
    later(monkeypatch, 60)
    await registry.work(DONE, DONE)
    assert await breaker_of(registry) is BreakerState.HALF_OPEN
    await registry.work(DONE)
    assert await breaker_of(registry) is BreakerState.CLOSED


async def test_one_trial_at_a_time_on_whatever_node(registry, other_node, monkeypatch):
    await registry.register()
    await registry.work(*[failed()] * 5)
    later(monkeypatch, 60)
    (trial,) = await admitted(*[registry, other_node] * 3)
    assert await registry.admit() is None
    await other_node.end(trial)
    assert len(await admitted(*[registry, other_node] * 3)) == 1


async def test_a_failed_trial_opens_it_again(registry: Registry, monkeypatch):
    await registry.register()
    await registry.work(*[failed()] * 5)
    later(monkeypatch, 60)
    await registry.work(failed())
    assert await breaker_of(registry) is BreakerState.OPEN
    assert await registry.admit() is None


async def test_a_trial_whose_node_died_blocks_nobody(registry: Registry, other_node, monkeypatch):
    await registry.register()
    await registry.work(*[failed()] * 5)
    later(monkeypatch, 60)
    (trial,) = await admitted(registry)
    await other_node.write(
        lambda tx: other_node.router.interrupted(tx, CTX.tenant, trial.task_id, trial.iteration)
    )
    (closed,) = await registry.router.attempts(CTX.tenant, trial.task_id)
    assert closed.interrupted
    assert closed.ended_at is not None
    assert await breaker_of(registry) is BreakerState.HALF_OPEN
    assert await registry.admit() is not None


@pytest.mark.parametrize("result", [CANCELLED, OVER_BUDGET])
async def test_what_is_not_the_agents_failure_opens_nothing(registry: Registry, result: RunResult):
    await registry.register()
    await registry.work(*[failed()] * 4, *[result] * 3)
    assert await breaker_of(registry) is BreakerState.CLOSED
    report = await registry.health()
    assert (report.samples, report.error_rate) == (4, 1)


async def test_interruptions_open_nothing(registry: Registry):
    await registry.register()
    for number in range(6):
        assert await registry.admit(number=number) is not None
        await registry.write(lambda tx: registry.router.interrupted(tx, CTX.tenant, "task", 1))
    assert await breaker_of(registry) is BreakerState.CLOSED
    assert (await registry.health()).samples == 0


async def test_attempts_that_were_forgotten_are_closed(registry: Registry, monkeypatch):
    await registry.limited(max_concurrent_tasks=1)
    attempt = await registry.admit()
    assert attempt is not None
    await registry.router.sweep()
    assert await registry.router.still_open(attempt)
    later(monkeypatch, 25 * 3600)
    await registry.router.sweep()
    assert not await registry.router.still_open(attempt)
    assert await registry.admit() is not None


# --- plans follow what happens --------------------------------------------------------------------


async def test_a_plan_sees_what_this_node_has_just_done(registry: Registry):
    assert (await registry.plan()).candidates == ()
    await registry.limited(max_concurrent_tasks=1)
    assert [one.has_room for one in (await registry.plan()).candidates] == [True]
    attempt = await registry.admit()
    assert [one.has_room for one in (await registry.plan()).candidates] == [False]
    await registry.end(attempt)
    assert [one.has_room for one in (await registry.plan()).candidates] == [True]


async def test_a_plan_sees_before_long_what_another_node_did(registry, other_node):
    assert (await other_node.plan()).candidates == ()
    await registry.register()

    async def seen() -> bool:
        return bool((await other_node.plan()).candidates)

    await eventually(seen)
