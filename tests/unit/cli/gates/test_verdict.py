"""Exit codes and last lines."""

from __future__ import annotations

import pytest

from lemnos.cli.gates.verdict import conclusion, exit_code
from lemnos.domains.quality.model import Finding, Verdict
from tests.unit.cli.gates.reports import gate, report

_NEW, _KNOWN = Finding("E1", "new"), Finding("E2", "old", known=True)
_PASSED = gate("lint", Verdict.PASSED)
_FAILED = gate("types", Verdict.FAILED, _NEW, _NEW, _KNOWN)
_MISSING = gate("tests", Verdict.MISSING_TOOL)


@pytest.mark.parametrize(
    ("results", "code", "said"),
    [
        ([_PASSED], 0, "Passed: 1 gate in 2.0 s."),
        (
            [_PASSED, gate("types", Verdict.PASSED, _KNOWN)],
            0,
            "Passed: 2 gates in 2.0 s, with 1 known finding.",
        ),
        ([_PASSED, _FAILED], 1, "Failed: types (2 findings); in 2.0 s."),
        (
            [_FAILED, _MISSING],
            1,
            "Failed: types (2 findings). No verdict: tests (missing tool); in 2.0 s.",
        ),
        (
            [_FAILED, gate("tests", Verdict.NOT_RUN)],
            1,
            "Failed: types (2 findings). Not run: tests; in 2.0 s.",
        ),
        ([_PASSED, _MISSING], 3, "No verdict: tests (missing tool); in 2.0 s."),
        ([gate("audit", Verdict.UNKNOWN)], 3, "No verdict: audit (unknown); in 2.0 s."),
        ([gate("audit", Verdict.TIMED_OUT)], 3, "No verdict: audit (timed out); in 2.0 s."),
        ([gate("audit", Verdict.CRASHED)], 3, "No verdict: audit (crashed); in 2.0 s."),
        (
            [_MISSING, gate("types", Verdict.MISCONFIGURED)],
            2,
            "No verdict: tests (missing tool), types (misconfigured); in 2.0 s.",
        ),
        (
            [gate("lint", Verdict.NOT_APPLICABLE)],
            3,
            "No verdict: there is nothing here that a gate judges.",
        ),
        ([], 3, "No verdict: there is nothing here that a gate judges."),
    ],
)
def test_codes_and_last_lines(results, code, said):
    made = report(*results)
    assert exit_code(made) == code
    assert conclusion(made) == said


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.UNKNOWN, Verdict.MISSING_TOOL])
def test_an_optional_gate_does_not_count(verdict):
    made = report(_PASSED, gate("audit", verdict, optional=True))
    assert exit_code(made) == 0
    assert conclusion(made) == "Passed: 1 gate in 2.0 s."
