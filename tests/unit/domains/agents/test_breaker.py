"""The circuit breaker: by example, and against whatever order of events there may be."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemnos.domains.agents import breaker as breakers
from lemnos.domains.agents.model import Breaker, BreakerState
from lemnos.domains.agents.ports import ErrorClass, RunResult, Verdict
from lemnos.kernel.clock import SECOND

OPEN, HALF_OPEN, CLOSED = BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED


def failed(times: int, breaker: Breaker | None = None, now: int = 0) -> Breaker:
    one_more = lambda found, _: breakers.ended(found, "a", False, now)  # noqa: E731
    return reduce(one_more, range(times), breaker or Breaker())


def half_open(now: int) -> Breaker:
    """With the trial "trial" under way."""
    return breakers.began(failed(5), "trial", now)


def test_five_failures_in_a_row_open_it():
    assert failed(4).state is CLOSED
    assert failed(5, now=7) == Breaker(OPEN, failures=5, opened_at=7)


def test_a_success_between_starts_the_count_again():
    breaker = breakers.ended(failed(4), "a", True, 0)
    assert failed(4, breaker).state is CLOSED


def test_what_says_nothing_of_the_agent_does_not_count():
    breaker = breakers.ended(failed(4), "a", None, 0)
    assert breaker == failed(4)


def test_open_lets_nothing_through_for_a_minute():
    breaker = failed(5, now=100)
    assert not breakers.allows(breaker, 100 + 60 * SECOND - 1)
    assert breakers.blocked(breaker, 100 + 60 * SECOND - 1)
    assert breakers.allows(breaker, 100 + 60 * SECOND)
    assert not breakers.blocked(breaker, 100 + 60 * SECOND)


def test_half_open_has_one_trial_at_a_time():
    breaker = half_open(60 * SECOND)
    assert breaker.state is HALF_OPEN
    assert not breakers.allows(breaker, 61 * SECOND)
    assert not breakers.blocked(breaker, 61 * SECOND)
    assert breakers.allows(breakers.ended(breaker, "trial", True, 0), 61 * SECOND)


def test_three_successes_close_it():
    breaker = half_open(60 * SECOND)
    for number in range(3):
        assert breaker.state is HALF_OPEN
        breaker = breakers.began(breaker, f"t{number}", 0) if number else breaker
        breaker = breakers.ended(breaker, breaker.trial, True, 0)
    assert breaker == Breaker()


def test_a_failed_trial_opens_it_for_another_minute():
    breaker = breakers.ended(half_open(60 * SECOND), "trial", False, 70 * SECOND)
    assert breaker.state is OPEN
    assert not breakers.allows(breaker, 129 * SECOND)
    assert breakers.allows(breaker, 130 * SECOND)


def test_a_cancelled_trial_makes_place_for_another():
    breaker = breakers.ended(half_open(60 * SECOND), "trial", None, 70 * SECOND)
    assert breaker.state is HALF_OPEN
    assert breakers.allows(breaker, 70 * SECOND)


@pytest.mark.parametrize("success", [True, False, None])
def test_what_began_before_it_opened_comes_too_late(success: bool | None):
    breaker = half_open(60 * SECOND)
    assert breakers.ended(breaker, "straggler", success, 61 * SECOND) == breaker
    opened = failed(5)
    assert breakers.ended(opened, "straggler", success, SECOND) == opened


def test_a_trial_that_nobody_ends_does_not_block_for_ever():
    breaker = half_open(0)
    assert not breakers.allows(breaker, breakers.TRIAL_LEASE - 1)
    assert breakers.allows(breaker, breakers.TRIAL_LEASE)
    again = breakers.began(breaker, "second", breakers.TRIAL_LEASE)
    assert breakers.ended(again, "trial", False, 0) == again  # the first one's place is taken


@pytest.mark.parametrize(
    ("verdict", "error_class", "success"),
    [
        (Verdict.COMPLETED, ErrorClass.NONE, True),
        (Verdict.CANCELLED, ErrorClass.NONE, None),
        (Verdict.OVER_BUDGET, ErrorClass.BUDGET, None),
        (Verdict.FAILED, ErrorClass.BUDGET, None),
        (Verdict.FAILED, ErrorClass.UNSUITED, None),
        (Verdict.TIMED_OUT, ErrorClass.TIMEOUT, False),
        *(
            (Verdict.FAILED, error_class, False)
            for error_class in ErrorClass
            if error_class not in (ErrorClass.BUDGET, ErrorClass.UNSUITED)
        ),
    ],
)
def test_whose_failure_it_is(verdict: Verdict, error_class: ErrorClass, success: bool | None):
    assert breakers.says(RunResult(verdict, error_class=error_class)) is success


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 40)),
        st.tuples(st.just("begin"), st.just(0)),
        st.tuples(st.sampled_from(["succeed", "fail", "say nothing"]), st.integers(0, 9)),
    ),
    max_size=80,
)
SAID = {"succeed": True, "fail": False, "say nothing": None}


@given(EVENTS)
def test_in_whatever_order_things_happen(events: list[tuple[str, int]]):
    """One trial at a time, never stuck, and nothing goes through within a minute of opening."""
    breaker, now, number = Breaker(), 0, 0
    running: list[str] = []
    for kind, value in events:
        if kind == "wait":
            now += value * SECOND
        elif kind == "begin":
            if breakers.allows(breaker, now):
                assert breaker.state is not OPEN or now - (breaker.opened_at or 0) >= 60 * SECOND
                assert not breaker.trial
                number += 1
                breaker = breakers.began(breaker, str(number), now)
                running.append(str(number))
        elif running:
            breaker = breakers.ended(breaker, running.pop(value % len(running)), SAID[kind], now)
        assert not breaker.trial or breaker.trial in running
        assert (breaker.state is CLOSED) <= (breaker.failures < breakers.FAILURES_TO_OPEN)
        assert breaker.successes < breakers.SUCCESSES_TO_CLOSE
    for attempt in running:
        breaker = breakers.ended(breaker, attempt, True, now)
    now += 60 * SECOND
    for number in range(3):
        assert breakers.allows(breaker, now)
        breaker = breakers.began(breaker, f"last {number}", now)
        breaker = breakers.ended(breaker, f"last {number}", True, now)
    assert breaker == Breaker()
