"""How the repairs of a task go, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lemnos.domains.tasks.gating import (
    GateRecord,
    GatesAsked,
    Judged,
    Stage,
    Stopped,
    after_gates,
    after_repair,
    plain_gates,
    problems,
    refusal,
    repairs_left,
)

BAD = Judged(success=False, report={"success": False, "gates": []}, prompt="Mend it.")
GOOD = Judged(success=True, report={"success": True, "gates": []})


def gate(name: str, *, passed: bool, optional: bool = False) -> Mapping[str, Any]:
    metadata = {"verdict": "passed" if passed else "failed", "optional": optional}
    return {"name": name, "passed": passed, "message": "said", "metadata": metadata}


def test_what_passes_is_settled() -> None:
    record = after_gates(GateRecord(tree="t"), GatesAsked(), GOOD, None)
    assert (record.success, record.stage, record.stopped) == (True, Stage.SETTLED, "passed")
    assert record.tree == ""


def test_a_repair_is_counted_when_it_begins() -> None:
    record = after_gates(GateRecord(), GatesAsked(attempts=1), BAD, None)
    assert (record.stage, record.repairs, record.prompt) == (Stage.MENDING, 1, "Mend it.")
    record = after_repair(record, 0.25)
    assert (record.stage, record.repairs, record.spent_usd) == (Stage.JUDGING, 1, 0.25)
    record = after_gates(record, GatesAsked(attempts=1), BAD, None)
    assert (record.stage, record.repairs, record.stopped) == (Stage.SETTLED, 1, "attempts")


@pytest.mark.parametrize(
    ("asked", "judged", "left", "stopped"),
    [
        (GatesAsked(attempts=0), BAD, None, Stopped.ATTEMPTS),
        (GatesAsked(budget_usd=0.2), BAD, None, Stopped.BUDGET),
        (GatesAsked(budget_usd=9.0), BAD, 0.0, Stopped.BUDGET),
        (GatesAsked(), Judged(success=False, report={}), None, Stopped.UNABLE),
    ],
)
def test_why_no_repair_follows(
    asked: GatesAsked, judged: Judged, left: float | None, stopped: Stopped
) -> None:
    record = after_gates(GateRecord(spent_usd=0.2), asked, judged, left)
    assert (record.stage, record.stopped, record.success) == (Stage.SETTLED, stopped, False)


def test_what_stopped_the_repairs_stays_the_reason_unless_they_pass_after_all() -> None:
    mended = after_repair(GateRecord(repairs=1), None, Stopped.AGENT, "It crashed.")
    failed = after_gates(mended, GatesAsked(attempts=5), BAD, None)
    assert (failed.stage, failed.stopped, failed.problem) == (
        Stage.SETTLED,
        "agent",
        "It crashed.",
    )
    assert after_gates(mended, GatesAsked(), GOOD, None).stopped == "passed"


def test_what_is_not_metered_is_not_limited() -> None:
    record = after_repair(GateRecord(), None)
    assert record.spent_usd is None
    assert repairs_left(record, GatesAsked(budget_usd=1.0)) == 1.0
    assert repairs_left(record, GatesAsked()) is None


def test_why_it_failed_is_told_with_the_gates() -> None:
    report = {
        "gates": [
            gate("lint", passed=False),
            gate("audit", passed=False, optional=True),
            gate("tests", passed=True),
        ]
    }
    record = GateRecord(repairs=2, stopped="attempts", report=report)
    assert record.failing == ("lint",)
    assert refusal(record) == (
        "The gates do not pass: lint. The agent was sent back 2 times. The work is kept."
    )
    assert "can't do anything" in refusal(GateRecord(stopped="unable", report=report))
    invalid = GateRecord(stopped="invalid", problem="There is no profile x.")
    assert refusal(invalid) == "The gates could not be run: There is no profile x."


def test_a_record_in_short_names_the_verdicts_alone() -> None:
    assert plain_gates(None) is None
    record = GateRecord(report={"gates": [gate("lint", passed=False)]}, tree="t", prompt="p")
    short, whole = plain_gates(record, whole=False), plain_gates(record)
    assert short is not None
    assert whole is not None
    assert short["gates"] == [
        {"name": "lint", "passed": False, "verdict": "failed", "message": "said"}
    ]
    assert (short["stage"], short["stopped"]) == ("judging", None)
    assert whole == {**short, "report": record.report}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (GatesAsked(attempts=11), "gates.attempts"),
        (GatesAsked(attempts=-1), "gates.attempts"),
        (GatesAsked(budget_usd=0.0), "gates.budget_usd"),
        (GatesAsked(budget_usd=float("nan")), "gates.budget_usd"),
        (GatesAsked(profile="x" * 101), "gates.profile"),
        (GatesAsked(gates=("",)), "gates.gates"),
        (GatesAsked(gates=("x",) * 51), "gates.gates"),
    ],
)
def test_what_can_not_be_asked_for(asked: GatesAsked, field: str) -> None:
    assert list(problems(asked)) == [field]
    assert not problems(GatesAsked(attempts=10, budget_usd=0.01, gates=("lint",)))
