"""What checks come to together."""

from __future__ import annotations

import pytest

from lemnos.domains.quality.safety import Check, CheckResult, Outcome, Safety, SafetyReport

P, F, N = Outcome.PASSED, Outcome.FAILED, Outcome.NOT_RUN


@pytest.mark.parametrize(
    ("outcomes", "overall"),
    [
        ((P, P), Safety.SAFE),
        ((P, N), Safety.CAUTION),
        ((N, N), Safety.CAUTION),
        ((), Safety.CAUTION),
        ((P, N, F), Safety.UNSAFE),
    ],
)
def test_one_failure_is_enough_and_not_run_is_not_passed(
    outcomes: tuple[Outcome, ...], overall: Safety
) -> None:
    report = SafetyReport(tuple(CheckResult(Check.TESTS, each) for each in outcomes))

    assert report.overall is overall
    assert report.passed == outcomes.count(P)
