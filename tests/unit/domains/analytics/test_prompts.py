"""What an agent is told."""

from __future__ import annotations

from lemnos.domains.analytics.model import FileCoverage, Measured, Strategy
from lemnos.domains.analytics.prompts import refactoring_prompt
from lemnos.domains.analytics.ranking import ranking


def test_the_measures_and_what_good_looks_like():
    measured = Measured("src/a.py", 312, 24, FileCoverage(90, 200), 27, 640)
    made = ranking(Strategy.COMPOSITE, measured, None)
    prompt = refactoring_prompt(made, "c" * 40, 90, "Keep the names.")
    for part in (
        "src/a.py",
        "cccccccccccc",
        "312 lines changed in 24 commits of the last 90 days",
        "complexity: 27",
        "coverage: 45%; tests do not run 110 lines",
        "over 10",
        "at least 75%",
    ):
        assert part in prompt
    assert prompt.endswith("Keep the names.")


def test_what_is_not_known_is_said_and_what_is_good_not_asked_for():
    unknown = ranking(Strategy.COMPOSITE, Measured("a.py", complexity=3), None)
    assert "coverage: not known" in refactoring_prompt(unknown, "c" * 40, 90)
    covered = Measured("a.py", coverage=FileCoverage(9, 10), complexity=3)
    prompt = refactoring_prompt(ranking(Strategy.COMPOSITE, covered, None), "c" * 40, 90)
    assert "at least 75%" not in prompt
    assert "over 10" not in prompt
