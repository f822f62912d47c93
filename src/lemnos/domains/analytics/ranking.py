"""Rankings: the formulas of the four strategies, every term by its name. Pure.

With gap = max(0, 0.75 − coverage), U = min(uncovered lines / 200, 1) and C = min(churn / 200, 1):

- ``risk_weighted`` = 0.5 gap + 0.3 U + 0.2 C
- ``coverage_first`` = 0.8 gap + 0.2 U
- ``churn_based`` = C + 0.3 (1 − coverage)
- ``composite`` = 0.35 gap + 0.25 U + 0.25 C + 0.15 min(complexity / 25, 1)

Coverage that nobody has measured is neither none nor all of it. Where other files have been
measured, a file is taken to be as they are together, and its ranking says so. Where none has,
the terms of coverage are left out for all files, which leaves their order to what is known.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lemnos.domains.analytics.model import FileCoverage, Measured, Ranking, Strategy

WANTED_COVERAGE = 0.75
MANY_UNCOVERED = 200  # lines
MUCH_CHURN = 200  # lines
VERY_COMPLEX = 25  # cyclomatic, of the worst function


@dataclass(frozen=True, slots=True)
class _Known:
    """What the terms are reckoned from; None for what is not known."""

    churn: int
    complexity: int | None
    coverage: float | None
    uncovered: float | None  # lines


_Term = Callable[[_Known], float | None]


def _gap(of: _Known) -> float | None:
    return None if of.coverage is None else max(0.0, WANTED_COVERAGE - of.coverage)


def _uncovered_lines(of: _Known) -> float | None:
    return None if of.uncovered is None else min(of.uncovered / MANY_UNCOVERED, 1.0)


def _uncovered_share(of: _Known) -> float | None:
    return None if of.coverage is None else 1.0 - of.coverage


def _churn(of: _Known) -> float | None:
    return min(of.churn / MUCH_CHURN, 1.0)


def _complexity(of: _Known) -> float | None:
    return None if of.complexity is None else min(of.complexity / VERY_COMPLEX, 1.0)


_TERMS: Mapping[str, _Term] = {
    "coverage_gap": _gap,
    "uncovered_lines": _uncovered_lines,
    "uncovered_share": _uncovered_share,
    "churn": _churn,
    "complexity": _complexity,
}

WEIGHTS: Mapping[Strategy, Mapping[str, float]] = {
    Strategy.RISK_WEIGHTED: {"coverage_gap": 0.5, "uncovered_lines": 0.3, "churn": 0.2},
    Strategy.COVERAGE_FIRST: {"coverage_gap": 0.8, "uncovered_lines": 0.2},
    Strategy.CHURN_BASED: {"churn": 1.0, "uncovered_share": 0.3},
    Strategy.COMPOSITE: {
        "coverage_gap": 0.35,
        "uncovered_lines": 0.25,
        "churn": 0.25,
        "complexity": 0.15,
    },
}


def overall_coverage(files: Iterable[Measured]) -> float | None:
    """The share of all measured lines that tests run, from 0 to 1; None if none was measured."""
    known = [file.coverage for file in files if file.coverage is not None]
    return FileCoverage(sum(c.covered for c in known), sum(c.total for c in known)).ratio


def rank(strategy: Strategy, files: Sequence[Measured], limit: int) -> tuple[Ranking, ...]:
    """The most worthwhile files first; of equals those that change most, then by path."""
    overall = overall_coverage(files)
    made = (ranking(strategy, file, overall) for file in files)
    best = heapq.nsmallest(limit, made, key=_order)
    return tuple(best)


def ranking(strategy: Strategy, file: Measured, overall: float | None) -> Ranking:
    """One file by itself; ``overall`` is what its coverage is taken for if it is not known."""
    assumed = overall if file.coverage is None else None
    known = _known(file, assumed)
    terms = {}
    for name, weight in WEIGHTS[strategy].items():
        value = _TERMS[name](known)
        if value is not None:
            terms[name] = weight * value
    return Ranking(file, sum(terms.values()), terms, assumed)


def _known(file: Measured, assumed: float | None) -> _Known:
    if file.coverage is not None:
        # A file without a line that could be run lacks nothing.
        ratio = 1.0 if file.coverage.ratio is None else file.coverage.ratio
        uncovered: float | None = file.coverage.total - file.coverage.covered
        return _Known(file.churn, file.complexity, ratio, uncovered)
    missing = None
    if assumed is not None and file.lines is not None:
        missing = file.lines * (1.0 - assumed)
    return _Known(file.churn, file.complexity, assumed, missing)


def _order(ranking: Ranking) -> tuple[float, int, str]:
    return (-ranking.score, -ranking.measured.churn, ranking.measured.path)
