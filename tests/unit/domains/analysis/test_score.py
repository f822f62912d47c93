"""The chaos score's terms against ORCHEX's formulas, worked out by hand."""

from __future__ import annotations

import pytest

from lemnos.domains.analysis import score
from lemnos.domains.analysis.model import ScoreTerms


@pytest.mark.parametrize(
    ("measures", "term"),
    [((0, 0, 0), 0.0), ((10, 15, 2), 48.0), ((20, 30, 5), 100.0), ((99, 99, 99), 100.0)],
)
def test_complexity(measures, term):
    assert score.complexity(*measures) == pytest.approx(term)


@pytest.mark.parametrize(
    ("measures", "term"),
    [((0, 0), 0.0), ((3, 1), 25.0), ((0, 4), 100.0), ((4, 0), 0.0)],
)
def test_coupling_is_instability(measures, term):
    assert score.coupling(*measures) == pytest.approx(term)


@pytest.mark.parametrize(
    ("measures", "term"),
    [((250, 10), 35.0), ((500, 10), 70.0), ((0, 20), 15.0), ((5000, 300), 100.0)],
)
def test_size(measures, term):
    assert score.size(*measures) == pytest.approx(term)


def test_documentation_is_a_gap_only_where_something_is_to_be_documented():
    assert score.documentation(None) == 0
    assert score.documentation(0.25) == 75


def test_total_weighs_the_terms():
    terms = ScoreTerms(100, 80, 60, 40, 20)
    assert score.total(terms) == pytest.approx(30 + 20 + 12 + 6 + 2)


def test_a_term_that_was_not_measured_counts_as_nothing():
    assert score.total(ScoreTerms(100, None, None, 0, 0)) == pytest.approx(30)


@pytest.mark.parametrize(
    ("value", "urgency"), [(80, 2.0), (79.9, 1.5), (60, 1.5), (40, 1.2), (39.9, 1.0)]
)
def test_urgency(value, urgency):
    assert score.urgency(value) == urgency
