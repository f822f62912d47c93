"""Ranking: priority first, but age makes up for it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lemnos.engine import Retry, rank
from lemnos.kernel.clock import SECOND

MINUTE = 60 * SECOND
times = st.integers(0, 10**15)
priorities = st.integers(-1000, 1000)


@given(times, times, priorities)
def test_equal_priorities_keep_their_order(one, other, priority):
    assert (rank(one, priority) < rank(other, priority)) == (one < other)


@given(times, priorities, st.integers(1, 1000))
def test_a_lower_number_goes_first_among_equals_in_age(run_at, priority, points):
    assert rank(run_at, priority) < rank(run_at, priority + points)


@given(times, priorities, st.integers(1, 1000))
def test_no_job_waits_behind_younger_ones_for_longer_than_its_points_in_minutes(
    run_at, priority, points
):
    younger = run_at + points * MINUTE + 1
    assert rank(run_at, priority + points) < rank(younger, priority)


def test_retries_back_off_up_to_a_bound():
    retry = Retry(first=1.0, factor=4.0, longest=30.0)
    assert [retry.delay(failed) for failed in (1, 2, 3, 4)] == [1.0, 4.0, 16.0, 30.0]
    assert retry.delay(10_000) == 30.0
