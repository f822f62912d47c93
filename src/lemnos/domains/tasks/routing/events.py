"""What the stream of a routed task shows beside the events of any task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lemnos.domains.agents.model import Agent, Attempt, Decision
from lemnos.domains.agents.ports import RunResult
from lemnos.domains.tasks.events import event
from lemnos.domains.tasks.routing.course import Course
from lemnos.domains.tasks.routing.model import Comparison
from lemnos.kernel import clock
from lemnos.platform.events.port import NewEvent

_SHOWN = 10  # agents that an event lists


def routed(decision: Decision) -> NewEvent:
    """The candidates were ranked, in short: all of it is in the task's routing."""
    first = decision.candidates[0] if decision.candidates else None
    data = {
        "strategy": decision.strategy.value,
        "agent_id": first.agent_id if first else None,
        "score": round(first.score, 2) if first else None,
        "candidates": [one.agent_id for one in decision.candidates[:_SHOWN]],
        "left_out": {one.agent_id: one.code for one in decision.left_out[:_SHOWN]},
    }
    return event("system", "routed", data)


def attempt_started(attempt: Attempt, agent: Agent, runtime: str) -> NewEvent:
    """An agent of the registry begins."""
    data = {
        "agent_id": agent.agent_id,
        "name": agent.name,
        "model": agent.model or None,
        "runtime": runtime,
        "attempt": attempt.number,
        "tier": attempt.tier,
    }
    return event("system", "attempt_started", data)


def attempt_failed(course: Course, result: RunResult, delay: float | None) -> NewEvent:
    """An attempt has failed; the same agent tries again after ``delay`` seconds, or never."""
    data = {
        "agent_id": course.agent_id,
        "attempt": course.number,
        "tier": course.tier,
        "error_class": result.error_class.value,
        "message": result.error,
        "retry_in_seconds": None if delay is None else round(delay, 3),
    }
    return event("system", "attempt_failed", data)


def attempt_interrupted(course: Course) -> NewEvent:
    """A crash of the server cut an attempt off; it does not count."""
    data = {"agent_id": course.agent_id, "attempt": course.number, "tier": course.tier}
    return event("system", "attempt_interrupted", data)


def fallback(failed: str, agent_id: str) -> NewEvent:
    """The next agent takes over."""
    return event("system", "fallback", {"from": failed, "to": agent_id})


def parked(reason: str, agents: Sequence[str], until: int | None) -> NewEvent:
    """The task waits: for ``backoff`` to pass, for ``room``, or for an agent that is ``away``."""
    data = {
        "reason": reason,
        "agents": list(agents[:_SHOWN]),
        "until": clock.iso_or_none(until),
    }
    return event("system", "parked", data)


def fanned_out(children: Mapping[str, str]) -> NewEvent:
    """The task is done by several agents at once: the task of each."""
    return event("system", "fanned_out", {"tries": dict(children)})


def judged(comparison: Comparison) -> NewEvent:
    """The tries were compared, and the best one was kept, if any was good enough."""
    tries = [
        {
            "task_id": one.task_id,
            "agent_id": one.agent_id,
            "passed": one.passed,
            "failed": one.failed,
            "problem": one.problem or None,
        }
        for one in comparison.tries
    ]
    data = {"kept": comparison.kept or None, "pick": comparison.pick, "tries": tries}
    return event("system", "judged", data)


def feedback(verdict: str, comment: str, by: str) -> NewEvent:
    """A person said what the outcome is worth."""
    return event("system", "feedback", {"verdict": verdict, "comment": comment, "by": by})
