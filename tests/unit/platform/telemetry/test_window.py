"""The requests of the last minute."""

from __future__ import annotations

import pytest

from lemnos.platform.telemetry import window
from lemnos.platform.telemetry.window import Traffic, Window


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(window, "time", made)
    return made


def test_nothing_is_known_before_the_first_request(clock: Clock):
    assert Window().read() == Traffic(0, 0.0, None, None)


def test_figures_are_over_the_time_that_there_was(clock: Clock):
    seen = Window()
    for status, seconds in ((200, 0.01), (404, 0.02), (500, 0.06), (201, 0.03)):
        seen.note(status, seconds)
    clock.now += 8
    found = seen.read()
    assert (found.requests, found.requests_per_second, found.error_rate) == (4, 0.5, 0.25)
    assert found.avg_response_ms == pytest.approx(30.0)


def test_what_is_over_a_minute_old_is_forgotten(clock: Clock):
    seen = Window()
    seen.note(500, 1.0)
    clock.now += 59
    seen.note(200, 0.5)
    assert seen.read().requests == 2
    clock.now += 2
    assert seen.read() == Traffic(1, 1 / 60, 500.0, 0.0)
    clock.now += 300
    assert seen.read().requests == 0


def test_a_slot_is_used_again_a_minute_later(clock: Clock):
    seen = Window()
    for _ in range(180):
        seen.note(200, 0.1)
        clock.now += 1
    assert seen.read().requests == window.SECONDS - 1
    assert seen.read().requests_per_second == pytest.approx(59 / 60)
