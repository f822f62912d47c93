"""Which try of a fan-out is kept."""

from __future__ import annotations

from lemnos.domains.quality.safety import Check, CheckResult, Outcome
from lemnos.domains.tasks.routing.judging import compare, nothing_passed
from lemnos.domains.tasks.routing.model import Judged

P, F, N = Outcome.PASSED, Outcome.FAILED, Outcome.NOT_RUN


def one(
    name: str, *outcomes: Outcome, cost: float | None = 1.0, lines: int = 1, problem: str = ""
) -> Judged:
    checks = tuple(CheckResult(check, out) for check, out in zip(Check, outcomes, strict=False))
    return Judged(name, name, "completed", checks, cost, lines, problem)


def kept(*tries: Judged) -> str:
    return compare("gates", tries).kept


def test_most_checks_passed_wins() -> None:
    assert kept(one("a", P, N, N), one("b", P, P, N, cost=9.0, lines=99)) == "b"


def test_none_that_has_a_problem_is_kept() -> None:
    assert kept(one("a", P, P, F, problem="Checks failed: x."), one("b", N)) == "b"
    comparison = compare("gates", [one("a", problem="It is failed."), one("b", problem="Worse.")])
    assert comparison.kept == ""
    assert nothing_passed(comparison) == (
        "None of the 2 tries can be kept. a: It is failed.; b: Worse."
    )


def test_among_equals_the_cheaper_then_the_smaller_then_the_first() -> None:
    assert kept(one("a", P, cost=2.0), one("b", P, cost=1.0, lines=50)) == "b"
    assert kept(one("a", P, lines=3), one("b", P, lines=2)) == "b"
    assert kept(one("a", P), one("b", P)) == "a"
    assert kept(one("a", P, cost=None), one("b", P, cost=100.0)) == "b"


def test_nothing_to_choose_from() -> None:
    assert kept() == ""
