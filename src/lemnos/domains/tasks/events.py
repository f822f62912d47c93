"""The events of a task, as its stream shows them; and where they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lemnos.domains.agents.model import Agent, Attempt, Decision
from lemnos.domains.agents.ports import RunResult
from lemnos.domains.tasks.course import Course
from lemnos.domains.tasks.model import Changes, Task
from lemnos.domains.tasks.orders import Comparison
from lemnos.domains.workspaces.ports import Checkout
from lemnos.kernel import clock
from lemnos.platform.events.port import NewEvent

# The events after which a task is at rest.
ENDINGS = frozenset(
    {
        "task_completed",
        "task_failed",
        "task_cancelled",
        "task_timeout",
        "task_paused",
        "pr_created",
        "pr_failed",
    }
)

_SHOWN = 10  # agents that an event lists
_encode = msgspec.json.Encoder().encode


def stream_of(task_id: str) -> str:
    """The name of a task's stream in the log."""
    return f"task:{task_id}"


def event(kind: str, name: str, data: Mapping[str, Any]) -> NewEvent:
    """An event of now."""
    return NewEvent(kind, name, _encode(data), clock.now())


def task_created(task: Task) -> NewEvent:
    """The task was accepted."""
    return event("system", "task_created", {"task_id": task.id, "iteration": task.iteration})


def instructed(task: Task, number: int) -> NewEvent:
    """A follow-up was accepted."""
    return event("system", "task_instructed", {"task_id": task.id, "iteration": number})


def cancel_requested(by: str) -> NewEvent:
    """Somebody wants the task to end."""
    return event("system", "cancel_requested", {"by": by})


def clone_started(repo_url: str, branch: str) -> NewEvent:
    """The checkout begins."""
    return event("git", "clone_started", {"repo_url": repo_url, "branch": branch or None})


def workspace_ready(task: Task, checkout: Checkout, seconds: float) -> NewEvent:
    """The workspace is there, from a repository or from nothing."""
    if not task.repo_url:
        return event("system", "workspace_created", {"duration_seconds": round(seconds, 3)})
    data = {
        "commit": checkout.base,
        "branch": checkout.branch,
        "duration_seconds": round(seconds, 3),
    }
    return event("git", "clone_completed", data)


def cli_started(runtime: str, reason: str, iteration: int) -> NewEvent:
    """The agent is about to start; why it is this one."""
    return event(
        "system", "cli_started", {"cli": runtime, "reason": reason, "iteration": iteration}
    )


def ended(status: str, message: str, error_class: str) -> NewEvent:
    """The iteration did not complete: cancelled, failed, out of time or over budget."""
    name = {"cancelled": "task_cancelled", "timeout": "task_timeout", "paused": "task_paused"}
    data = {"status": status, "message": message, "error_class": error_class}
    key = "timeout" if error_class == "timeout" else status
    return event("system", name.get(key, "task_failed"), data)


def completed(result: str, changes: Changes, usage: Mapping[str, Any], iteration: int) -> NewEvent:
    """The iteration completed."""
    data = {
        "status": "completed",
        "result": result,
        "changes_summary": msgspec.to_builtins(changes),
        "usage": usage,
        "iteration": iteration,
    }
    return event("result", "task_completed", data)


def taken_back(reason: str) -> NewEvent:
    """The work was discarded whole."""
    return event("system", "changes_discarded", {"reason": reason})


def pushed(branch: str, commit: str) -> NewEvent:
    """The work is on the remote."""
    return event("git", "push", {"branch": branch, "commit": commit})


def pr_started() -> NewEvent:
    """A pull request is being made."""
    return event("system", "pr_started", {})


def pr_created(url: str, number: int | None, branch: str) -> NewEvent:
    """A pull request is open."""
    return event("git", "pr_created", {"pr_url": url, "pr_number": number, "branch": branch})


def pr_failed(message: str) -> NewEvent:
    """No pull request could be made; the task is completed as before."""
    return event("system", "pr_failed", {"message": message})


# --- routing ----------------------------------------------------------------------------------


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
