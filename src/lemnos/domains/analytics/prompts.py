"""What an agent is told to do about a file of the rankings. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from lemnos.domains.analytics.model import Measured, Ranking
from lemnos.domains.analytics.ranking import WANTED_COVERAGE

_SIMPLE = 10  # cyclomatic, up to which a function is usually easy to test (McCabe)


def refactoring_prompt(ranking: Ranking, commit: str, days: int, instructions: str = "") -> str:
    """The file, why it was chosen, and what good looks like."""
    measured = ranking.measured
    parts = [
        f"Refactor {measured.path} so that it is easier to understand, to test and to change.",
        "What was measured of it at commit {}:\n{}".format(
            commit[:12], "\n".join(f"- {line}" for line in _measures(measured, days))
        ),
        "The change is good when:\n" + "\n".join(f"- {line}" for line in _wanted(measured)),
    ]
    if instructions:
        parts.append(instructions.strip())
    return "\n\n".join(parts)


def _measures(measured: Measured, days: int) -> Iterator[str]:
    yield (
        f"churn: {measured.churn} lines changed in {measured.revisions} commits "
        f"of the last {days} days"
    )
    if measured.complexity is not None:
        yield f"complexity: {measured.complexity} paths through its worst function (cyclomatic)"
    if measured.lines is not None:
        yield f"size: {measured.lines} lines of code"
    coverage = measured.coverage
    if coverage is None or coverage.ratio is None:
        yield "coverage: not known"
    else:
        missing = coverage.total - coverage.covered
        yield f"coverage: {coverage.ratio:.0%}; tests do not run {missing} lines"


def _wanted(measured: Measured) -> Iterator[str]:
    yield "it behaves as before: what was public still is, and all callers still work"
    if measured.complexity is not None and measured.complexity > _SIMPLE:
        yield (
            f"no function in it has a cyclomatic complexity over {_SIMPLE}: the long ones are "
            "split into smaller ones with names that say what they do"
        )
    else:
        yield "nothing in it is said twice, and its names say what things are"
    ratio = measured.coverage.ratio if measured.coverage is not None else None
    if ratio is None or ratio < WANTED_COVERAGE:
        yield (
            f"tests run at least {WANTED_COVERAGE:.0%} of it; where they are missing, they are "
            "added before the code is changed"
        )
    yield "all tests and checks of the project pass"
    yield "nothing else is changed than this file, its tests, and callers that need it"
