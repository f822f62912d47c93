"""What a task asks of the gates, and how its repairs go. Pure.

An agent that has finished is judged by the gates; what it can mend goes back to it, and it is
judged again, until they pass or there is a reason to stop. Each step of this is a record that is
kept before the next one begins, so a crash goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

MOST_ATTEMPTS = 10
_MOST_GATES = 50
_LONGEST_NAME = 100  # characters of a profile or a gate
_MOST_USD = 1_000_000.0


@dataclass(frozen=True, slots=True)
class GatesAsked:
    """The gates that judge a task's work before it ends.

    ``profile`` and ``gates`` select them, as the project names them; both empty: what it
    configures, else all. ``attempts`` is how often the agent may mend what they found, 0: they
    only judge. ``budget_usd`` limits what all repairs may cost together, within the task's own
    budget. With ``required`` a task whose gates do not pass in the end has failed, its work kept;
    without, it completes and tells the verdicts. What the work began from is forgiven, unless
    ``strict``.
    """

    profile: str = ""
    gates: tuple[str, ...] = ()
    attempts: int = 2
    budget_usd: float | None = None
    required: bool = True
    strict: bool = False


class Stage(StrEnum):
    """What is to be done next about the gates of an iteration."""

    JUDGING = "judging"
    MENDING = "mending"
    SETTLED = "settled"


class Stopped(StrEnum):
    """Why no further repair is tried."""

    PASSED = "passed"
    ATTEMPTS = "attempts"  # as many as were asked for have been made
    BUDGET = "budget"  # of the repairs, or of the task
    CANCELLED = "cancelled"
    AGENT = "agent"  # it failed in a repair
    UNABLE = "unable"  # what does not pass is nothing that an agent could mend
    INVALID = "invalid"  # the gates can't be run as they are asked for, or configured


@dataclass(frozen=True, slots=True)
class GateRecord:
    """How the gates judged an iteration. ``report`` is the last one, as ``quality.plain`` has it.

    ``repairs`` counts how often the agent was sent back, ``spent_usd`` what that has cost, as far
    as it is metered. ``stopped`` is empty while repairs may follow. ``weakened`` tells where the
    change takes from the checks themselves: tests deleted, findings silenced, configuration
    changed. ``problem`` says what kept the gates or a repair from coming to an end.

    The last three are for going on after a crash: ``tree`` is the content that is being judged
    (git's id), ``prompt`` what the agent is sent back with.
    """

    success: bool = False
    repairs: int = 0
    spent_usd: float | None = None
    stopped: str = ""
    report: Mapping[str, Any] | None = None
    weakened: tuple[str, ...] = ()
    problem: str = ""
    stage: Stage = Stage.JUDGING
    tree: str = ""
    prompt: str = ""

    @property
    def failing(self) -> tuple[str, ...]:
        """The gates that did not let the work through, and are not optional."""
        gates = self.report.get("gates", ()) if self.report else ()
        return tuple(
            gate["name"]
            for gate in gates
            if not (gate["passed"] or gate["metadata"].get("optional"))
        )

    def settled(self, stopped: Stopped, problem: str = "") -> GateRecord:
        """The record as it stays: nothing more will be tried."""
        return replace(
            self,
            stage=Stage.SETTLED,
            stopped=stopped.value,
            problem=problem or self.problem,
            tree="",
            prompt="",
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """What gates came to. ``prompt`` sends the agent back; empty: it can't do anything about it."""

    success: bool
    report: Mapping[str, Any]
    weakened: tuple[str, ...] = ()
    prompt: str = ""


def after_gates(
    record: GateRecord, asked: GatesAsked, judged: Judged, budget_left: float | None
) -> GateRecord:
    """What follows a judging. ``budget_left``: US dollars of the task; None: without limit."""
    record = replace(
        record,
        success=judged.success,
        report=judged.report,
        weakened=judged.weakened,
        tree="",
    )
    if judged.success:
        return record.settled(Stopped.PASSED)
    if record.stopped:
        return record.settled(Stopped(record.stopped))
    if not judged.prompt:
        return record.settled(Stopped.UNABLE)
    if record.repairs >= asked.attempts:
        return record.settled(Stopped.ATTEMPTS)
    if _spent(repairs_left(record, asked)) or _spent(budget_left):
        return record.settled(Stopped.BUDGET)
    return replace(record, stage=Stage.MENDING, repairs=record.repairs + 1, prompt=judged.prompt)


def after_repair(
    record: GateRecord, cost_usd: float | None, stopped: Stopped | None = None, problem: str = ""
) -> GateRecord:
    """A repair has ended, and is judged. ``stopped``: none will follow it, whatever comes of it."""
    return replace(
        record,
        stage=Stage.JUDGING,
        spent_usd=_sum(record.spent_usd, cost_usd),
        stopped=stopped.value if stopped else "",
        problem=problem,
        prompt="",
    )


def repairs_left(record: GateRecord, asked: GatesAsked) -> float | None:
    """US dollars that repairs may still cost; None: without a limit of their own."""
    return None if asked.budget_usd is None else asked.budget_usd - (record.spent_usd or 0.0)


def least(*limits: float | None) -> float | None:
    """The tightest of limits, None being none."""
    return min((limit for limit in limits if limit is not None), default=None)


def refusal(record: GateRecord) -> str:
    """Why a task has failed by its gates, for people."""
    if record.stopped == Stopped.INVALID:
        return f"The gates could not be run: {record.problem}"
    names = ", ".join(record.failing) or "none of them had anything to judge"
    told = f"The gates do not pass: {names}."
    if record.repairs:
        times = "once" if record.repairs == 1 else f"{record.repairs} times"
        told += f" The agent was sent back {times}."
    reason = _REASONS.get(record.stopped, "")
    return " ".join(part for part in (told, reason, record.problem, "The work is kept.") if part)


_REASONS: Mapping[str, str] = {
    Stopped.BUDGET: "The budget for repairs is used up.",
    Stopped.AGENT: "It failed in a repair:",
    Stopped.UNABLE: "An agent can't do anything about that.",
}


def plain_gates(record: GateRecord | None, *, whole: bool = True) -> dict[str, object] | None:
    """A record as plain data, for all that tell of it; None where no gate has looked yet.

    In short it names each gate and its verdict; ``whole``: with all that they found.
    """
    if record is None:
        return None
    gates = record.report.get("gates", ()) if record.report else ()
    said: dict[str, object] = {
        "success": record.success,
        "stage": record.stage.value,
        "repairs": record.repairs,
        "spent_usd": None if record.spent_usd is None else round(record.spent_usd, 6),
        "stopped": (record.stopped or None) if record.stage is Stage.SETTLED else None,
        "problem": record.problem or None,
        "weakened": list(record.weakened),
        "gates": [
            {
                "name": gate["name"],
                "passed": gate["passed"],
                "verdict": gate["metadata"]["verdict"],
                "message": gate["message"],
            }
            for gate in gates
        ],
    }
    return {**said, "report": record.report} if whole else said


def problems(asked: GatesAsked) -> dict[str, str]:
    """What is wrong with what is asked, by field."""
    found: dict[str, str] = {}
    if not 0 <= asked.attempts <= MOST_ATTEMPTS:
        found["gates.attempts"] = f"must be from 0 to {MOST_ATTEMPTS}"
    if asked.budget_usd is not None and not 0 < asked.budget_usd <= _MOST_USD:
        found["gates.budget_usd"] = f"must be over 0 and at most {_MOST_USD:g}"
    if len(asked.profile) > _LONGEST_NAME:
        found["gates.profile"] = f"may have at most {_LONGEST_NAME} characters"
    if len(asked.gates) > _MOST_GATES:
        found["gates.gates"] = f"may list at most {_MOST_GATES}"
    elif not all(0 < len(name) <= _LONGEST_NAME for name in asked.gates):
        found["gates.gates"] = f"holds a name that is empty or over {_LONGEST_NAME} characters"
    return found


def _spent(left: float | None) -> bool:
    return left is not None and left <= 0


def _sum(one: float | None, other: float | None) -> float | None:
    known = [cost for cost in (one, other) if cost is not None]
    return sum(known) if known else None
