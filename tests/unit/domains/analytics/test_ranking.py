"""The formulas of docs: by hand-computed values, and by what must hold of any file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemnos.domains.analytics.model import FileCoverage, Measured, Strategy
from lemnos.domains.analytics.ranking import overall_coverage, rank, ranking

# 90 of 200 lines run: coverage 0.45, gap 0.3, U = 110/200 = 0.55; C = 50/200 = 0.25;
# complexity 10/25 = 0.4.
MEASURED = Measured("a.py", churn=50, coverage=FileCoverage(90, 200), complexity=10, lines=300)


@pytest.mark.parametrize(
    ("strategy", "terms", "score"),
    [
        ("risk_weighted", {"coverage_gap": 0.15, "uncovered_lines": 0.165, "churn": 0.05}, 0.365),
        ("coverage_first", {"coverage_gap": 0.24, "uncovered_lines": 0.11}, 0.35),
        ("churn_based", {"churn": 0.25, "uncovered_share": 0.165}, 0.415),
        (
            "composite",
            {
                "coverage_gap": 0.105,
                "uncovered_lines": 0.1375,
                "churn": 0.0625,
                "complexity": 0.06,
            },
            0.365,
        ),
    ],
)
def test_a_file_scores_as_computed_by_hand(strategy, terms, score):
    made = ranking(Strategy(strategy), MEASURED, overall=0.9)
    assert made.terms == pytest.approx(terms)
    assert made.score == pytest.approx(score)
    assert made.assumed_coverage is None


def test_terms_are_capped():
    worst = Measured(
        "a.py", churn=10_000, coverage=FileCoverage(0, 5000), complexity=400, lines=5000
    )
    made = ranking(Strategy.COMPOSITE, worst, None)
    # gap 0.75 of no coverage at all; the others at their most.
    assert made.terms == pytest.approx(
        {
            "coverage_gap": 0.35 * 0.75,
            "uncovered_lines": 0.25,
            "churn": 0.25,
            "complexity": 0.15,
        }
    )


def test_enough_coverage_leaves_no_gap():
    made = ranking(Strategy.COVERAGE_FIRST, Measured("a", coverage=FileCoverage(3, 4)), None)
    assert made.terms == pytest.approx({"coverage_gap": 0.0, "uncovered_lines": 0.2 / 200})


def test_unknown_coverage_is_that_of_the_others_and_said_to_be():
    """0.6 overall: gap 0.15; 40 % of 100 lines are taken to be uncovered, U = 0.2."""
    made = ranking(Strategy.COVERAGE_FIRST, Measured("a.py", lines=100), overall=0.6)
    assert made.assumed_coverage == 0.6
    assert made.measured.coverage is None
    assert made.terms == pytest.approx({"coverage_gap": 0.12, "uncovered_lines": 0.04})


def test_without_any_coverage_its_terms_are_left_out():
    files = [Measured("a.py", churn=10, complexity=1), Measured("b.py", churn=20, complexity=1)]
    first, second = rank(Strategy.COMPOSITE, files, 10)
    assert [first.measured.path, second.measured.path] == ["b.py", "a.py"]
    assert set(first.terms) == {"churn", "complexity"}
    assert first.assumed_coverage is None
    assert first.score == pytest.approx(0.25 * 0.1 + 0.15 / 25)


def test_a_file_that_cannot_be_parsed_has_no_term_of_complexity():
    made = ranking(Strategy.COMPOSITE, Measured("a.py", churn=200), None)
    assert made.terms == pytest.approx({"churn": 0.25})


def test_a_file_without_lines_to_run_lacks_no_coverage():
    made = ranking(Strategy.RISK_WEIGHTED, Measured("a.py", coverage=FileCoverage(0, 0)), 0.1)
    assert made.score == 0
    assert made.assumed_coverage is None


def test_overall_coverage_goes_by_lines():
    files = [
        Measured("a", coverage=FileCoverage(10, 10)),
        Measured("b", coverage=FileCoverage(0, 30)),
        Measured("c"),
    ]
    assert overall_coverage(files) == 0.25
    assert overall_coverage([Measured("c")]) is None


def test_equal_scores_go_by_churn_then_path():
    files = [Measured("b", churn=900), Measured("a", churn=500), Measured("c", churn=900)]
    ranked = rank(Strategy.CHURN_BASED, files, 2)
    assert [each.measured.path for each in ranked] == ["b", "c"]


_COVERAGES = st.tuples(st.integers(0, 500), st.integers(0, 500)).map(
    lambda both: FileCoverage(min(both), max(both))
)
_FILES = st.builds(
    Measured,
    path=st.text(min_size=1, max_size=5),
    churn=st.integers(0, 2000),
    revisions=st.integers(0, 50),
    coverage=st.none() | _COVERAGES,
    complexity=st.none() | st.integers(1, 100),
    lines=st.none() | st.integers(0, 3000),
)


@given(st.lists(_FILES, max_size=30), st.sampled_from(Strategy), st.integers(1, 100))
def test_whatever_is_measured_scores_are_in_order_and_explained(files, strategy, limit):
    ranked = rank(strategy, files, limit)
    assert len(ranked) == min(limit, len(files))
    scores = [each.score for each in ranked]
    assert scores == sorted(scores, reverse=True)
    for each in ranked:
        assert sum(each.terms.values()) == pytest.approx(each.score)
        assert all(term >= 0 for term in each.terms.values())
        assert 0 <= each.score <= 1.3


@given(_FILES, st.sampled_from(Strategy))
def test_more_churn_never_lowers_a_score(file, strategy):
    more = Measured(file.path, file.churn + 10, 1, file.coverage, file.complexity, file.lines)
    assert ranking(strategy, more, 0.5).score >= ranking(strategy, file, 0.5).score
