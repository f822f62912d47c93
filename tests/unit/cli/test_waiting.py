"""Waiting by asking: ever more seldom, and never against the server's wish."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lemnos.cli.errors import CommandError, Interrupted
from lemnos.cli.output import Output
from lemnos.cli.waiting import wait


@pytest.fixture
def slept(monkeypatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr("lemnos.cli.waiting.time.sleep", pauses.append)
    return pauses


def waited(looks: Iterator[object]) -> dict[str, object]:
    def look() -> dict[str, object]:
        found = next(looks)
        if isinstance(found, BaseException):
            raise found
        return {"status": found}

    return wait(
        Output(True), look, lambda found: found["status"] == "done", lambda _: "", hint="find it"
    )


def test_it_asks_less_than_the_burst_limit_allows(slept):
    looks = iter([*["running"] * 60, "done"])
    assert waited(looks) == {"status": "done"}
    first_minute = 0
    passed = 0.0
    for pause in slept:
        passed += pause
        first_minute += passed <= 60
    assert first_minute < 25  # of the 50 that are allowed
    assert slept == sorted(slept)


def test_a_server_that_limits_is_left_alone_for_as_long_as_it_asks(slept):
    limited = CommandError("slow down", retry_after=7.0)
    assert waited(iter([limited, "done"])) == {"status": "done"}
    assert slept == [7.0]


def test_other_failures_end_the_wait(slept):
    with pytest.raises(CommandError, match="gone"):
        waited(iter([CommandError("gone")]))
    with pytest.raises(CommandError, match="hours"):
        waited(iter([CommandError("hours", retry_after=3600.0)]))
    assert slept == []


def test_leaving_says_how_to_find_it_again(slept):
    with pytest.raises(Interrupted) as left:
        waited(iter([KeyboardInterrupt()]))
    assert left.value.hint == "find it"


def test_stages_are_told_once_where_nobody_sees_a_spinner(slept, capsys):
    stages = iter(["reading", "reading", "counting"])
    looks: Iterator[dict[str, object]] = iter(
        [{"status": 1}, {"status": 1}, {"status": 1}, {"status": "done"}]
    )
    wait(
        Output(),
        lambda: next(looks),
        lambda found: found["status"] == "done",
        lambda _: next(stages),
        hint="",
    )
    assert capsys.readouterr().err.split() == ["reading", "counting"]
