"""performance_impact: what the tests cost on the base and on the change, in turns.

The method is ours. The tests run five times on each tree, in turns (base first, then change
first, …), so that what else the machine does falls on both alike. What counts is processor time
where it is known (Python), else time. The medians are compared. The check fails only when the
change costs more than the base by a clear margin: a quarter of the base, three times the spread of
the runs (median absolute deviation, scaled to a standard deviation), and a tenth of a second,
whichever is the most. Tests of less than a fifth of a second tell nothing.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from lemnos.domains.quality.ports import Inspection
from lemnos.domains.quality.safety import Check, CheckResult, Outcome
from lemnos.runners.quality.bench import Workbench
from lemnos.runners.quality.testing import Run, Runner, runners

_ROUNDS, _FEWEST = 5, 3
_LEAST = 0.2  # seconds of the tests themselves
_SHARE, _SPREADS, _SMALLEST = 0.25, 3.0, 0.1
_TO_DEVIATION = 1.4826  # a median absolute deviation as a standard deviation (normal)


async def check_performance(bench: Workbench, inspection: Inspection) -> CheckResult:
    """Measure with the first runner that the changed files have."""
    for runner in runners(bench, inspection):
        return await _measured(runner, inspection)
    return _not_run("There are no tests or benchmarks to measure with.")


async def _measured(runner: Runner, inspection: Inspection) -> CheckResult:
    begun = time.monotonic()
    first = await runner(inspection.base)
    if first is None:
        return _not_run("There are no tests or benchmarks to measure with.")
    if first.problem or not first.passed:
        return _not_run(f"The tests do not run on the base: {first.missing or first.summary}.")
    if first.own < _LEAST:
        return _not_run(f"The tests take {first.own:.2f} s: too little to measure.")
    each = time.monotonic() - begun
    rounds = min(_ROUNDS, int(inspection.timeout / (2 * each)))
    if rounds < _FEWEST:
        return _not_run(f"The tests take {each:.0f} s: too long to be run {2 * _FEWEST} times.")
    before, after = await _in_turns(runner, inspection, rounds)
    if any(run is None or run.problem for run in (*before, *after)):
        return _not_run("The tests did not run alike each time, so their times mean nothing.")
    old = [run.cost for run in before if run is not None]
    new = [run.cost for run in after if run is not None]
    if {run.passed for run in before if run} != {run.passed for run in after if run}:
        return _not_run("Other tests pass than before, so their times cannot be compared.")
    return _judged(first.runner, old, new)


async def _in_turns(
    runner: Runner, inspection: Inspection, rounds: int
) -> tuple[list[Run | None], list[Run | None]]:
    before, after = list[Run | None](), list[Run | None]()
    sides = [(inspection.base, before), (inspection.tree, after)]
    for _ in range(rounds):
        for tree, runs in sides:
            runs.append(await runner(tree))
        sides.reverse()
    return before, after


def _judged(tool: str, before: Sequence[float], after: Sequence[float]) -> CheckResult:
    old, new = statistics.median(before), statistics.median(after)
    margin = margin_of(before, after)
    detail = (
        f"Median of {len(before)} runs each: {old:.2f} s before, {new:.2f} s after; "
        f"up to {margin:.2f} s more may be noise."
    )
    outcome = Outcome.FAILED if new - old > margin else Outcome.PASSED
    return CheckResult(Check.PERFORMANCE, outcome, tool, detail)


def margin_of(before: Sequence[float], after: Sequence[float]) -> float:
    """Seconds that the change may cost more without it meaning anything."""
    spread = _deviation(before) + _deviation(after)
    return max(_SHARE * statistics.median(before), _SPREADS * spread, _SMALLEST)


def _deviation(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return _TO_DEVIATION * statistics.median(abs(value - middle) for value in values)


def _not_run(detail: str) -> CheckResult:
    return CheckResult(Check.PERFORMANCE, Outcome.NOT_RUN, detail=detail)
