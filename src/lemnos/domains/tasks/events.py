"""The events of a task, as its stream shows them; and where they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from lemnos.domains.quality.ports import GateEvent
from lemnos.domains.tasks.gating import GateRecord
from lemnos.domains.tasks.model import Changes, Task
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

_LONGEST = 1000  # characters of a gate's message

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


def gates_started(repairs: int) -> NewEvent:
    """The gates look at what the agent has made, after so many repairs."""
    return event("gates", "gates_started", {"repairs": repairs})


def gate_told(told: GateEvent) -> NewEvent:
    """A gate has begun or has ended; ``done`` of ``total`` have ended."""
    data: dict[str, Any] = {"gate": told.gate, "done": told.done, "total": told.total}
    if told.result is None:
        return event("gates", "gate_started", data)
    result = told.result
    data |= {
        "passed": result.passed,
        "verdict": result.verdict.value,
        "message": result.message[:_LONGEST],
        "duration_seconds": round(result.duration_seconds, 3),
        "findings": sum(not finding.known for finding in result.findings),
    }
    return event("gates", "gate_finished", data)


def gates_finished(record: GateRecord) -> NewEvent:
    """All gates have ended, what the base has too is left out; ``stopped``: no repair follows."""
    data = {
        "success": record.success,
        "failing": list(record.failing),
        "weakened": list(record.weakened),
        "stopped": record.stopped or None,
        "problem": record.problem or None,
    }
    return event("gates", "gates_finished", data)


def repair_started(record: GateRecord, attempts: int) -> NewEvent:
    """The agent is sent back with what the gates found."""
    data = {"repair": record.repairs, "attempts": attempts, "gates": list(record.failing)}
    return event("gates", "repair_started", data)


def repair_finished(record: GateRecord, verdict: str, cost_usd: float | None) -> NewEvent:
    """The agent has ended a repair, however; the gates look again, if it was not cancelled."""
    data = {
        "repair": record.repairs,
        "verdict": verdict,
        "cost_usd": cost_usd,
        "problem": record.problem or None,
    }
    return event("gates", "repair_finished", data)


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
