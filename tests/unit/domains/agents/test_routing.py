"""The routing decision: its formulas as published, its order, and its reasons."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemnos.domains.agents import routing
from lemnos.domains.agents.model import (
    Agent,
    AgentConfig,
    Ask,
    Breaker,
    BreakerState,
    Candidate,
    Constraints,
    Decision,
    Health,
    Performance,
    Probe,
    RetryPolicy,
    Status,
    Strategy,
    Terms,
)
from lemnos.domains.agents.routing import Facts, Standing, decide, in_order, standing
from lemnos.kernel.clock import SECOND

NOW = 1_000 * SECOND
AGENT = Agent(
    tenant="t",
    agent_id="a",
    name="A",
    provider="anthropic",
    model="m",
    capabilities=(),
    constraints=Constraints(),
    config=AgentConfig(),
    status=Status.ACTIVE,
    created_by="me",
    registered_at=0,
    updated_at=0,
)
GOOD = Performance(completed=9, failures=1, quality=90.0, judgements=5)
POOR = Performance(completed=8, failures=2, quality=20.0, judgements=5)


def stands(
    agent_id: str = "a", facts: Facts | None = None, price: float | None = None, **changes: Any
) -> Standing:
    agent = replace(AGENT, agent_id=agent_id, **changes)
    return standing(agent, facts or Facts(), NOW, price)


def decided(*standings: Standing, ask: Ask | None = None, seed: int = 0, **asked: Any) -> Decision:
    wanted = ask or Ask(**asked)
    return decide(in_order(standings), wanted, Strategy.BEST_SCORE, NOW, Random(seed))


def ids(decision: Decision) -> list[str]:
    return [one.agent_id for one in decision.candidates]


# --- the formulas ---------------------------------------------------------------------------------


def test_the_score_is_the_weighted_sum():
    assert routing.score(Terms(100, 50, 80, 20)) == pytest.approx(40 + 15 + 16 + 2)


@pytest.mark.parametrize(
    ("required", "has", "term"),
    [((), (), 100), (("a",), ("a", "b"), 100), (("a", "b"), ("a",), 50), (("a",), (), 0)],
)
def test_capability(required: tuple[str, ...], has: tuple[str, ...], term: float):
    assert routing.capability_term(required, has) == term


@pytest.mark.parametrize(
    ("quality", "rate", "term"),
    [(None, None, 50), (90, 0.95, 92), (None, 1.0, 70), (80, None, 68), (0, 0.0, 0)],
)
def test_performance(quality: float | None, rate: float | None, term: float):
    assert routing.performance_term(quality, rate) == pytest.approx(term)


@pytest.mark.parametrize(
    ("health", "load", "response", "term"),
    [
        (Health.HEALTHY, 0.0, None, 100),
        (Health.HEALTHY, 0.0, 0.0, 100),
        (Health.DEGRADED, 0.5, 5_000, 35 + 15 + 10),
        (Health.UNHEALTHY, 1.0, 20_000, 15),
        (Health.OFFLINE, 0.0, 1_000, 0 + 30 + 18),
        (Health.HEALTHY, 3.0, 0.0, 70),  # its limit was lowered while it worked
    ],
)
def test_availability(health: Health, load: float, response: float | None, term: float):
    assert routing.availability_term(health, load, response) == pytest.approx(term)


@pytest.mark.parametrize(
    ("cap", "estimate", "term"),
    [
        (None, None, 100),
        (None, 9, 100),
        (1, 0.25, 75),
        (1, 1, 0),
        (1, 2, 0),
        (1, None, 50),
        (0, 0, 100),
    ],
)
def test_cost(cap: float | None, estimate: float | None, term: float):
    assert routing.cost_term(cap, estimate) == pytest.approx(term)


def test_weight():
    assert routing.weight_of(1.5, 0.4, Health.DEGRADED) == pytest.approx(1.5 * 0.6 * 0.7)
    assert routing.weight_of(1.0, 1.2, Health.HEALTHY) == 0


@given(
    quality=st.none() | st.floats(0, 100),
    rate=st.none() | st.floats(0, 1),
    health=st.sampled_from(Health),
    load=st.floats(0, 10),
    response=st.none() | st.floats(0, 1e9),
    cap=st.none() | st.floats(0, 1e6),
    estimate=st.none() | st.floats(0, 1e6),
)
def test_every_term_and_the_score_stay_between_0_and_100(
    quality, rate, health, load, response, cap, estimate
):
    terms = Terms(
        100.0,
        routing.performance_term(quality, rate),
        routing.availability_term(health, load, response),
        routing.cost_term(cap, estimate),
    )
    for value in (terms.performance, terms.availability, terms.cost, routing.score(terms)):
        assert -1e-6 <= value <= 100 + 1e-6


@given(
    loads=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    rates=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    spent=st.tuples(st.floats(0, 2), st.floats(0, 2)),
)
def test_better_is_never_scored_lower(loads, rates, spent):
    (less, more), (worse, better), (cheap, dear) = sorted(loads), sorted(rates), sorted(spent)
    healthy = Health.HEALTHY
    assert routing.availability_term(healthy, less, 0) >= routing.availability_term(
        healthy, more, 0
    )
    assert routing.performance_term(50, better) >= routing.performance_term(50, worse)
    assert routing.cost_term(1, cheap) >= routing.cost_term(1, dear)
    assert routing.weight_of(1, less, healthy) >= routing.weight_of(1, more, healthy)


@pytest.mark.parametrize(
    ("most", "running", "room"),
    [(1, 0, True), (1, 1, False), (5, 4, True), (5, 5, False), (10, 8, True), (10, 9, False)],
)
def test_work_is_taken_under_nine_tenths_of_the_load(most: int, running: int, room: bool):
    agent = replace(AGENT, constraints=Constraints(max_concurrent_tasks=most))
    assert routing.has_room(agent, running, 0) is room


def test_work_is_taken_under_the_rate_of_a_minute():
    agent = replace(AGENT, constraints=Constraints(rate_limit_per_minute=2))
    assert routing.has_room(agent, 0, 1)
    assert not routing.has_room(agent, 0, 2)


# --- the order ------------------------------------------------------------------------------------


def test_the_better_score_comes_first():
    decision = decided(
        stands("poor", Facts(performance=POOR)), stands("good", Facts(performance=GOOD))
    )
    assert ids(decision) == ["good", "poor"]
    first = decision.candidates[0]
    assert first.terms.performance == pytest.approx(0.6 * 90 + 0.4 * 90)
    assert replace(first.terms, performance=0) == Terms(100, 0, 100, 100)
    assert first.score == routing.score(first.terms)
    assert [one.tier for one in decision.candidates] == [0, 1]
    assert [one.tries for one in decision.candidates] == [3, 2]


def test_tiers_have_three_two_and_one_tries_unless_the_agent_says_otherwise():
    own = AgentConfig(retry_policy=RetryPolicy(max_retries=0))
    decision = decided(*map(stands, "abcd"), stands("e", config=own))
    assert [one.tries for one in decision.candidates] == [3, 2, 1, 1, 1]
    assert decided(stands("e", config=own)).candidates[0].tries == 1


def test_preferred_providers_come_first_and_others_remain_to_fall_back_on():
    liked = stands("liked", Facts(performance=POOR), provider="google")
    other = stands("other", Facts(performance=GOOD))
    assert ids(decided(liked, other, preferred_providers=("google",))) == ["liked", "other"]


def test_who_is_full_comes_after_who_has_room():
    full = stands("full", Facts(running=5, performance=GOOD))
    decision = decided(full, stands("free", Facts(performance=POOR)))
    assert ids(decision) == ["free", "full"]
    assert [one.has_room for one in decision.candidates] == [True, False]


def test_the_affordable_come_before_those_over_the_cap():
    dear = stands("dear", Facts(performance=GOOD), price=1.0)
    cheap = stands("cheap", Facts(performance=POOR), price=0.01)
    decision = decided(dear, cheap, max_cost_usd=0.5, tokens=1000)
    assert ids(decision) == ["cheap", "dear"]
    assert [one.terms.cost for one in decision.candidates] == [pytest.approx(98), 0]
    assert [one.estimated_cost_usd for one in decision.candidates] == [0.01, 1.0]


def test_least_loaded():
    busy = stands("busy", Facts(running=3, performance=GOOD))
    idle = stands("idle", Facts(running=1, performance=POOR))
    middle = stands("middle", Facts(running=2, performance=GOOD))
    decision = decided(busy, idle, middle, strategy=Strategy.LEAST_LOADED)
    assert ids(decision) == ["idle", "middle", "busy"]


def test_weighted_chooses_by_weight_among_those_with_room():
    heavy = stands("heavy", config=AgentConfig(base_weight=3.0))
    light = stands("light", config=AgentConfig(base_weight=1.0))
    full = stands("full", Facts(running=5), config=AgentConfig(base_weight=1000.0))
    random, ask = Random(1), Ask(strategy=Strategy.WEIGHTED)
    pool = in_order([heavy, light, full])
    firsts = Counter(
        decide(pool, ask, Strategy.BEST_SCORE, NOW, random).candidates[0].agent_id
        for _ in range(2000)
    )
    assert set(firsts) == {"heavy", "light"}
    assert firsts["heavy"] / firsts["light"] == pytest.approx(3, rel=0.15)


# --- who is left out ------------------------------------------------------------------------------

OFFLINE = Probe(NOW, Health.OFFLINE, "codex is not installed here")


@pytest.mark.parametrize(
    ("one", "asked", "code"),
    [
        (stands(status=Status.MAINTENANCE), {}, "maintenance"),
        (stands(status=Status.DEPRECATED), {}, "deprecated"),
        (stands(), {"excluded_agents": ("a",)}, "excluded"),
        (stands(capabilities=("x",)), {"required_capabilities": ("x", "y")}, "missing_capability"),
        (stands(constraints=Constraints(max_tokens=10)), {"max_tokens": 11}, "max_tokens"),
        (stands(probe=OFFLINE), {}, "offline"),
        (stands(breaker=Breaker(BreakerState.OPEN, 5, opened_at=NOW)), {}, "circuit_open"),
        (stands(price=0.1), {"max_cost_usd": 0.0}, "no_budget"),
        (standing(AGENT, Facts(), NOW, None, "No runtime."), {}, "no_runtime"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_why_an_agent_is_left_out(one: Standing, asked: dict[str, Any], code: str):
    decision = decided(one, stands("other", capabilities=("x", "y"), price=0.0), **asked)
    assert ids(decision) == ["other"]
    (out,) = decision.left_out
    assert (out.agent_id, out.code) == ("a", code)
    assert out.reason.endswith(".")


def test_nobody_waits_for_an_agent_that_will_never_do():
    (out,) = decided(stands(probe=OFFLINE), required_capabilities=("x",)).left_out
    assert out.code == "missing_capability"


def test_a_breaker_whose_minute_is_over_lets_a_trial_through():
    rested = Breaker(BreakerState.OPEN, 5, opened_at=NOW - 60 * SECOND)
    trying = Breaker(BreakerState.HALF_OPEN, trial="t", trial_at=NOW)
    decision = decided(stands("rested", breaker=rested), stands("trying", breaker=trying))
    assert [(one.agent_id, one.has_room) for one in decision.candidates] == [
        ("rested", True),
        ("trying", False),
    ]


def test_one_agent_alone_can_be_asked_for():
    assert decided(stands("a"), stands("b"), agent_id="b") == Decision(
        Strategy.BEST_SCORE, NOW, decided(stands("b")).candidates
    )
    (out,) = decided(stands("a"), agent_id="nobody").left_out
    assert out.code == "unknown_agent"


def test_a_price_of_nothing_is_always_affordable():
    decision = decided(stands(price=0.0), max_cost_usd=0.0)
    assert [one.terms.cost for one in decision.candidates] == [100]


def test_no_agents_at_all():
    for strategy in Strategy:
        assert decided(strategy=strategy) == Decision(strategy, NOW)


def test_long_lists_are_cut_and_counted_and_who_may_be_back_is_named_first():
    fit = [stands(f"fit-{number}") for number in range(70)]
    unfit = [stands(f"unfit-{number}", status=Status.INACTIVE) for number in range(60)]
    away = stands("away", probe=OFFLINE)
    decision = decided(*fit, *unfit, away)
    assert (len(decision.candidates), len(decision.left_out), decision.more) == (50, 50, 31)
    assert decision.left_out[0].agent_id == "away"


WORDS = st.lists(st.sampled_from(["x", "y", "z"]), unique=True, max_size=3).map(tuple)
STANDINGS = st.builds(
    stands,
    st.uuids().map(str),
    st.builds(Facts, running=st.integers(0, 6), performance=st.sampled_from([GOOD, POOR])),
    st.none() | st.floats(0, 2),
    provider=st.sampled_from(["anthropic", "openai"]),
    capabilities=WORDS,
    status=st.sampled_from(Status),
    probe=st.sampled_from([None, OFFLINE]),
)
ASKS = st.builds(
    Ask,
    required_capabilities=WORDS,
    preferred_providers=st.sampled_from([(), ("openai",)]),
    max_cost_usd=st.none() | st.floats(0, 2),
    tokens=st.none() | st.integers(0, 5000),
    strategy=st.none() | st.sampled_from(Strategy),
)


@given(st.lists(STANDINGS, max_size=20), ASKS, st.integers())
def test_every_agent_is_a_candidate_or_left_out_for_a_reason(pool, ask, seed):
    decision = decided(*pool, ask=ask, seed=seed)
    named = [*ids(decision), *(one.agent_id for one in decision.left_out)]
    assert sorted(named) == sorted(one.agent_id for one in pool)
    by_id = {one.agent_id: one for one in pool}
    for candidate in decision.candidates:
        assert set(ask.required_capabilities) <= by_id[candidate.agent_id].capabilities
        assert by_id[candidate.agent_id].obstacle is None
    assert _in_order(decision.candidates[1:], ask, by_id)


def _in_order(ranked: tuple[Candidate, ...], ask: Ask, by_id: dict[str, Standing]) -> bool:
    """Behind the first one, whom the strategy chooses, as the module's docstring has it."""

    def key(one: Candidate) -> tuple[bool, bool, bool, float]:
        cost, cap = one.estimated_cost_usd, ask.max_cost_usd
        over = cap is not None and cost is not None and cost > cap
        liked = by_id[one.agent_id].provider in ask.preferred_providers
        return over, not liked, not one.has_room, -round(one.score, 6)

    return [key(one) for one in ranked] == sorted(key(one) for one in ranked)


def test_what_past_attempts_used_estimates_better_than_what_a_task_says():
    thrifty = stands("thrifty", Facts(tokens=1_000), price=0.01)
    wasteful = stands("wasteful", Facts(tokens=50_000), price=0.01)
    new = stands("new", price=0.01)

    decision = decided(wasteful, new, thrifty, max_cost_usd=0.1, tokens=4_000)

    expected = {one.agent_id: one.estimated_cost_usd for one in decision.candidates}
    assert expected == pytest.approx({"thrifty": 0.01, "new": 0.04, "wasteful": 0.5})
    assert [one.agent_id for one in decision.candidates] == ["thrifty", "new", "wasteful"]
