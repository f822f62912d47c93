"""Times: microseconds to RFC 3339 and back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemnos.kernel import clock

MOMENTS = st.integers(min_value=0, max_value=253_402_300_799 * clock.SECOND)


@given(MOMENTS)
def test_a_time_comes_back_as_it_was(moment: int):
    assert clock.parse_iso(clock.iso(moment)) == moment


@given(MOMENTS, MOMENTS)
def test_texts_sort_as_their_times_do(one: int, other: int):
    assert (clock.iso(one) < clock.iso(other)) == (one < other)


def test_it_is_what_the_standard_library_says():
    moment = datetime(2025, 1, 15, 10, 30, 0, 123456, UTC)
    assert clock.parse_iso("2025-01-15T10:30:00.123456Z") == int(moment.timestamp() * 1e6)
    assert clock.parse_iso("2025-01-15T11:30:00.123456+01:00") == clock.parse_iso(
        "2025-01-15T10:30:00.123456"
    )


@pytest.mark.parametrize("text", ["", "yesterday", "2025-13-01T00:00:00Z", "2025-01-15T25:00:00Z"])
def test_what_is_no_time(text: str):
    with pytest.raises(ValueError, match=r".+"):
        clock.parse_iso(text)


def test_none_stays_none():
    assert clock.iso_or_none(None) is None
