"""The chaos score: how hard a file is to change, from 0 to 100. Pure.

Terms and weights are those of ORCHEX: 0.30 complexity + 0.25 duplication + 0.20 coupling + 0.15
size + 0.10 documentation gap, each from 0 to 100. A term that was not measured counts as 0.
"""

from __future__ import annotations

from lemnos.domains.analysis.model import ScoreTerms

COMPLEXITY, DUPLICATION, COUPLING, SIZE, DOCUMENTATION = 0.30, 0.25, 0.20, 0.15, 0.10
HIGH_CHAOS = 60.0  # [ours]


def complexity(cyclomatic: int, cognitive: int, nesting: int) -> float:
    """From the worst function's measures."""
    return 100 * (
        0.5 * min(cyclomatic / 20, 1) + 0.3 * min(cognitive / 30, 1) + 0.2 * min(nesting / 5, 1)
    )


def coupling(afferent: int, efferent: int) -> float:
    """Instability, R. C. Martin: Ce / (Ca + Ce) in percent; 0 for a file alone."""
    both = afferent + efferent
    return 100 * efferent / both if both else 0.0


def size(lines_of_code: int, functions: int) -> float:
    """From lines, and from functions beyond the tenth."""
    many = 0.0 if functions <= 10 else min((functions - 10) / 20, 1)
    return 100 * (0.7 * min(lines_of_code / 500, 1) + 0.3 * many)


def documentation(documented: float | None) -> float:
    """The gap; none where nothing is to be documented."""
    return 0.0 if documented is None else 100 * (1 - documented)


def total(terms: ScoreTerms) -> float:
    """The chaos score."""
    return (
        COMPLEXITY * terms.complexity
        + DUPLICATION * (terms.duplication or 0.0)
        + COUPLING * (terms.coupling or 0.0)
        + SIZE * terms.size
        + DOCUMENTATION * terms.documentation
    )


def urgency(score: float) -> float:
    """What the score of a file adds to the priority of what was found in it."""
    if score >= 80:
        return 2.0
    if score >= 60:
        return 1.5
    return 1.2 if score >= 40 else 1.0
