"""Choosing among the tries of a fan-out. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from lemnos.domains.agents.model import Judgement
from lemnos.domains.quality.model import Verdict
from lemnos.domains.quality.safety import Check, CheckResult, Outcome
from lemnos.domains.tasks.gating import GateRecord, Stopped, refusal
from lemnos.domains.tasks.model import Status, Task
from lemnos.domains.tasks.routing.model import Comparison, Judged


def verdict_on(task: Task, checks: Sequence[CheckResult], problem: str = "") -> Judged:
    """What is said of a try; ``problem`` is why it could not be checked, if so."""
    changes = task.changes
    return Judged(
        task.id,
        task.agent_id,
        task.status.value,
        tuple(checks),
        task.usage.cost_usd if task.usage else None,
        changes.insertions + changes.deletions if changes else 0,
        problem or _failing(task, checks),
    )


def verdict_by_gates(task: Task) -> Judged:
    """What is said of a try that its own gates have judged."""
    said = verdict_on(task, ())
    record = task.gates
    gates = record.report.get("gates", ()) if record and record.report else ()
    problem = said.problem
    if not problem and (record is None or not record.success):
        problem = refusal(record) if record else "Its gates did not run."
    verdicts = {gate["name"]: str(gate["metadata"]["verdict"]) for gate in gates}
    return replace(said, gates=verdicts, problem=problem)


def judgements(record: GateRecord) -> list[tuple[Judgement, bool]]:
    """What a settled record says of the agent that did the work."""
    if record.stopped not in _ITS_OWN_DOING:
        return []
    gates = record.report.get("gates", ()) if record.report else ()
    ended = (Verdict.PASSED, Verdict.FAILED)
    tests = [
        (Judgement.TESTS, bool(gate["passed"]))
        for gate in gates
        if gate["name"] == "tests" and gate["metadata"]["verdict"] in ended
    ]
    return [(Judgement.CHECKS, record.success), *tests]


_ITS_OWN_DOING = frozenset({Stopped.PASSED, Stopped.ATTEMPTS, Stopped.BUDGET, Stopped.AGENT})


def _failing(task: Task, checks: Sequence[CheckResult]) -> str:
    if task.status is not Status.COMPLETED:
        return f"It is {task.status}." + (f" {task.error}" if task.error else "")
    failed = [check.check.value for check in checks if check.outcome is Outcome.FAILED]
    return f"Checks failed: {', '.join(failed)}." if failed else ""


def compare(pick: str, tries: Sequence[Judged]) -> Comparison:
    """Keep the best of those that may be kept: most checks passed, then cheapest, then smallest.

    What is not metered counts as dearest.
    """
    eligible = [one for one in tries if one.eligible]
    best = min(eligible, key=_place, default=None)
    return Comparison(pick, tuple(tries), best.task_id if best else "")


def _place(one: Judged) -> tuple[int, float, int]:
    return -one.passed, math.inf if one.cost_usd is None else one.cost_usd, one.lines


def nothing_passed(comparison: Comparison) -> str:
    """The message of a fan-out that keeps nothing."""
    told = "; ".join(f"{one.agent_id}: {one.problem}" for one in comparison.tries)
    return f"None of the {len(comparison.tries)} tries can be kept. {told}"


def ran(checks: Sequence[CheckResult]) -> bool:
    """Whether any check came to a verdict."""
    return any(check.outcome is not Outcome.NOT_RUN for check in checks)


def tests(checks: Sequence[CheckResult]) -> Outcome:
    """What came of the tests."""
    outcomes = (check.outcome for check in checks if check.check is Check.TESTS)
    return next(outcomes, Outcome.NOT_RUN)
