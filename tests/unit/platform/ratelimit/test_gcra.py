"""The laws of the limiter in one process."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemnos.kernel.clock import SECOND
from lemnos.platform.ratelimit import TIERS, LocalLimiter, Tier

START = 1_700_000_000 * SECOND
SMALL = {"standard": Tier("standard", 10, 1.0, 5)}
gaps = st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=200)


@pytest.mark.parametrize("name", TIERS)
def test_a_burst_is_allowed_and_no_more(name: str):
    limiter, tier = LocalLimiter(), TIERS[name]
    decisions = [limiter.check("k", name, START) for _ in range(tier.burst + 1)]
    assert [d.allowed for d in decisions] == [True] * tier.burst + [False]
    assert [d.remaining for d in decisions] == [*range(tier.burst - 1, -1, -1), 0]
    assert {d.limit for d in decisions} == {tier.limit}


@given(gaps)
def test_no_window_holds_more_than_burst_and_rate(waits: list[int]):
    limiter, tier, now = LocalLimiter(SMALL), SMALL["standard"], START
    allowed: list[int] = []
    for wait in waits:
        now += wait
        if limiter.check("k", "standard", now).allowed:
            allowed.append(now)
    for first, begin in enumerate(allowed):
        for last in range(first, len(allowed)):
            most = tier.burst + (allowed[last] - begin) / tier.interval
            assert last - first + 1 <= most


@given(gaps)
def test_whoever_keeps_to_the_rate_is_never_refused(waits: list[int]):
    limiter, tier, now = LocalLimiter(SMALL), SMALL["standard"], START
    for wait in waits:
        now += tier.interval + wait
        assert limiter.check("k", "standard", now).allowed


@given(gaps)
def test_retry_after_is_true(waits: list[int]):
    limiter, now = LocalLimiter(SMALL), START
    for wait in waits:
        now += wait // 20
        decision = limiter.check("k", "standard", now)
        if not decision.allowed:
            wait_for = round(decision.retry_after * SECOND)
            assert not limiter.check("k", "standard", now + wait_for - 1).allowed
            now += wait_for
            assert limiter.check("k", "standard", now).allowed


@given(gaps)
def test_remaining_is_true(waits: list[int]):
    limiter, now, remaining = LocalLimiter(SMALL), START, 0
    for wait in waits:
        now += wait // 10
        remaining = limiter.check("k", "standard", now).remaining
    for left in reversed(range(remaining)):
        decision = limiter.check("k", "standard", now)
        assert (decision.allowed, decision.remaining) == (True, left)
    assert not limiter.check("k", "standard", now).allowed


@given(gaps)
def test_at_reset_the_whole_burst_is_there(waits: list[int]):
    limiter, now, reset_at = LocalLimiter(SMALL), START, 0.0
    for wait in waits:
        now += wait // 10
        reset_at = limiter.check("k", "standard", now).reset_at
    now = max(now, round(reset_at * SECOND))
    assert all(limiter.check("k", "standard", now).allowed for _ in range(5))


def test_a_refusal_costs_nothing():
    limiter = LocalLimiter(SMALL)
    for _ in range(1000):
        limiter.check("k", "standard", START)
    assert limiter.check("k", "standard", START + SECOND // 10).allowed


def test_keys_do_not_share_a_limit():
    limiter = LocalLimiter(SMALL)
    for _ in range(6):
        limiter.check("loud", "standard", START)
    assert limiter.check("quiet", "standard", START).allowed


def test_a_tier_that_is_not_known_is_limited_as_standard():
    assert LocalLimiter().check("k", "internal", START).limit == TIERS["standard"].limit


def test_memory_is_bounded_and_keys_at_rest_go_first():
    limiter = LocalLimiter(SMALL, keys=100)
    for number in range(60):
        limiter.check(f"rested-{number}", "standard", START)
    for _ in range(6):
        limiter.check("busy", "standard", START + 10 * SECOND)
    for number in range(60):
        limiter.check(f"new-{number}", "standard", START + 10 * SECOND)
    assert len(limiter._tats) <= 100
    assert not limiter.check("busy", "standard", START + 10 * SECOND).allowed

    for number in range(10_000):
        limiter.check(f"flood-{number}", "standard", START + 10 * SECOND)
    assert len(limiter._tats) <= 100
