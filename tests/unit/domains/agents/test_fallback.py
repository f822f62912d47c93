"""What follows a failed try."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemnos.domains.agents.fallback import Next, after, pause, tries
from lemnos.domains.agents.model import RetryPolicy
from lemnos.domains.agents.ports import ErrorClass, RunResult, Verdict


@pytest.mark.parametrize(
    ("verdict", "error_class", "following"),
    [
        (Verdict.COMPLETED, ErrorClass.NONE, Next.STOP),
        (Verdict.CANCELLED, ErrorClass.NONE, Next.STOP),
        (Verdict.OVER_BUDGET, ErrorClass.BUDGET, Next.STOP),
        (Verdict.FAILED, ErrorClass.RATE_LIMIT, Next.RETRY),
        (Verdict.FAILED, ErrorClass.NETWORK, Next.RETRY),
        (Verdict.FAILED, ErrorClass.UNKNOWN, Next.RETRY),
        (Verdict.FAILED, ErrorClass.AUTH, Next.MOVE_ON),
        (Verdict.FAILED, ErrorClass.NOT_INSTALLED, Next.MOVE_ON),
        (Verdict.FAILED, ErrorClass.UNSUITED, Next.MOVE_ON),
        (Verdict.TIMED_OUT, ErrorClass.TIMEOUT, Next.MOVE_ON),
    ],
)
def test_by_the_kind_of_failure(verdict: Verdict, error_class: ErrorClass, following: Next):
    assert after(RunResult(verdict, error_class=error_class)) is following


@pytest.mark.parametrize("error_class", ErrorClass)
@pytest.mark.parametrize("verdict", Verdict)
def test_every_ending_has_something_that_follows(verdict: Verdict, error_class: ErrorClass):
    assert after(RunResult(verdict, error_class=error_class)) in Next


def test_tries_by_tier_and_by_the_agents_own_policy():
    assert [tries(RetryPolicy(), tier) for tier in range(4)] == [3, 2, 1, 1]
    assert [tries(RetryPolicy(max_retries=3), tier) for tier in range(2)] == [4, 4]
    assert tries(RetryPolicy(max_retries=0), 0) == 1


def test_pauses_grow_up_to_half_a_minute():
    policy = RetryPolicy(backoff_multiplier=2.0)
    assert [pause(policy, tried, 0.0) for tried in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert pause(policy, 3, 1.0) == 2.0


@given(st.floats(1, 10), st.integers(1, 10_000), st.floats(0, 1))
def test_a_pause_is_never_longer_than_half_a_minute(multiplier, tried, jitter):
    made = pause(RetryPolicy(backoff_multiplier=multiplier), tried, jitter)
    assert 0.5 <= made <= 30
