"""Tasks, routed or not."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from lemnos.api.orchex.envelope import Json
from lemnos.api.orchex.present.agents import rounded
from lemnos.api.orchex.wire.tasks import TaskState
from lemnos.domains.tasks.gating import plain_gates
from lemnos.domains.tasks.model import Status, Task
from lemnos.domains.tasks.routing.model import (
    Comparison,
    Finding,
    Judged,
    OrderRecord,
    OrderResult,
    Progress,
)
from lemnos.domains.workspaces.ports import Diff
from lemnos.kernel.clock import iso, iso_or_none
from lemnos.kernel.ids import task_id_of
from lemnos.kernel.page import Page

_S = Status
_STATES: Mapping[Status, TaskState] = {
    _S.PENDING: "queued",
    _S.AWAITING_INSTRUCTION: "queued",
    _S.CLONING: "running",
    _S.RUNNING: "running",
    _S.COMPLETED: "completed",
    _S.CREATING_PR: "completed",  # the work is done; how it is proposed is another matter
    _S.PR_CREATED: "completed",
    _S.FAILED: "failed",
    _S.CANCELLED: "cancelled",
    _S.PAUSED: "awaiting_decision",
}
_ENDED = frozenset({"completed", "failed", "cancelled"})


def state(status: Status) -> TaskState:
    """The state of a task in ORCHEX's words."""
    return _STATES[status]


def statuses(wanted: str) -> tuple[Status, ...]:
    """The states of the domain that ORCHEX has one word for; none for no word."""
    return tuple(status for status, word in _STATES.items() if word == wanted)


def submitted(task: Task, progress: Progress) -> Json:
    """The answer to a new task."""
    return {
        "task_id": task_id_of(task.id),
        "status": state(task.status),
        "estimated_completion": iso_or_none(progress.estimated_completion),
        "queue_position": progress.queue_position,
        "created_at": iso(task.created_at),
    }


def summary(task: Task) -> Json:
    """A task in a list."""
    shown = state(task.status)
    return {
        "task_id": task_id_of(task.id),
        "type": task.type.value,
        "status": shown,
        "description": task.prompt,
        "priority": task.priority.value,
        "agent_id": task.agent_id or None,
        "user_id": task.user_id or None,
        "created_at": iso(task.created_at),
        "started_at": iso_or_none(task.started_at),
        "completed_at": iso_or_none(task.finished_at) if shown in _ENDED else None,
        "cost_usd": rounded(task.usage.cost_usd, 6) if task.usage else None,
        "gates": plain_gates(task.gates, whole=False),
    }


def page(found: Page[Task], limit: int, offset: int) -> Json:
    """A page of tasks."""
    tasks = [summary(task) for task in found.items]
    return {"tasks": tasks, "total": found.total, "limit": limit, "offset": offset}


def details(
    task: Task, progress: Progress, result: OrderResult | None, record: OrderRecord | None
) -> Json:
    """A task as a whole; ``record`` is None for one that was not routed."""
    shown = summary(task)
    at_work = shown["status"] in ("queued", "running")
    order = record.order if record else None
    return {
        **shown,
        "gates": plain_gates(task.gates),
        "progress": _progress(progress) if at_work else None,
        "queue_position": progress.queue_position if at_work else None,
        "estimated_completion": iso_or_none(progress.estimated_completion) if at_work else None,
        "result": _result(task, result) if result else None,
        "error": _error(task),
        "tier": record.tier if record else None,
        "attempts": record.attempts if record else task.iteration,
        "duration_ms": _duration(task),
        "usage": _usage(task),
        "description": order.description if order else task.prompt,
        "repository": task.repo_url or None,
        "branch": task.branch,
        "pull_request_url": task.pr_url,
        "metadata": dict(order.metadata) if order else {},
        "retry_of": task_id_of(order.retry_of) if order and order.retry_of else None,
        "parent_id": task_id_of(task.parent_id) if task.parent_id else None,
        "fan_out": _fan_out(record) if record and order and order.fan_out else None,
    }


def cancelled(task: Task) -> Json:
    """The answer to a cancel: what became of the task by then."""
    shown = state(task.status)
    return {
        "task_id": task_id_of(task.id),
        "status": "cancelling" if shown in ("queued", "running") else shown,
        "cancelled_at": iso_or_none(task.finished_at) if shown == "cancelled" else None,
    }


def retried(task_id: str, again: Task) -> Json:
    """The answer to a retry."""
    return {
        "task_id": task_id_of(task_id),
        "retry_task_id": task_id_of(again.id),
        "status": state(again.status),
    }


def proposed(task: Task) -> Json:
    """The pull request of a task."""
    return {
        "task_id": task_id_of(task.id),
        "url": task.pr_url,
        "number": task.pr_number,
        "branch": task.branch,
    }


def diff(task: Task, found: Diff) -> Json:
    """The changes of a task."""
    names = ("path", "status", "additions", "deletions", "binary")
    return {
        "task_id": task_id_of(task.id),
        "files": [
            {**{name: getattr(file, name) for name in names}, "old_path": file.old_path or None}
            for file in found.files
        ],
        "additions": found.additions,
        "deletions": found.deletions,
        "diff": found.text,
        "truncated": found.truncated,
        "notes": list(found.notes),
    }


def connected(task: Task) -> Json:
    """How a task's stream begins."""
    return {"task_id": task_id_of(task.id), "status": state(task.status)}


def done(task: Task) -> Json:
    """How a task's stream ends when the task is at rest."""
    changes = msgspec.to_builtins(task.changes) if task.changes else None
    return {**connected(task), "changes_summary": changes}


def _progress(found: Progress) -> Json:
    return {
        "percentage": found.percentage,
        "stage": found.stage.value,
        "message": found.message,
        "basis": found.basis.value,
    }


def _result(task: Task, found: OrderResult) -> Json:
    return {
        "code": found.code or None,
        "language": found.language or None,
        "explanation": found.explanation or found.text,
        "suggestions": list(found.suggestions),
        "findings": [_finding(one) for one in found.findings],
        "diff": found.diff.text if found.diff and found.diff.files else None,
        "changes": msgspec.to_builtins(task.changes) if task.changes else None,
        "gates": plain_gates(task.gates, whole=False),
    }


def _finding(one: Finding) -> Json:
    return {
        "message": one.message,
        "severity": one.severity,
        "file": one.file or None,
        "line": one.line,
        "suggestion": one.suggestion or None,
    }


def _error(task: Task) -> Json | None:
    if not task.error:
        return None
    return {"code": task.error_class or "unknown", "message": task.error}


def _duration(task: Task) -> int | None:
    if task.started_at is None or task.finished_at is None:
        return None
    return (task.finished_at - task.started_at) // 1000


def _usage(task: Task) -> Json | None:
    if task.usage is None:
        return None
    return {
        "input_tokens": task.usage.input_tokens,
        "output_tokens": task.usage.output_tokens,
    }


def _fan_out(record: OrderRecord) -> Json:
    found = record.judgement
    asked = record.order.fan_out
    return {
        "pick": asked.pick if asked else "gates",
        "tasks": [task_id_of(one) for one in record.children],
        "tries": [_try(one, found) for one in found.tries] if found else None,
    }


def _try(one: Judged, all_of_them: Comparison) -> Json:
    return {
        "task_id": task_id_of(one.task_id),
        "agent_id": one.agent_id,
        "status": one.status,
        "kept": one.task_id == all_of_them.kept,
        "checks": _checks(one),
        "cost_usd": rounded(one.cost_usd, 6),
        "lines_changed": one.lines,
        "problem": one.problem or None,
    }


def _checks(one: Judged) -> dict[str, str]:
    """What became of each check, or of each gate where the task has gates."""
    checks = {result.check.value: result.outcome.value for result in one.checks}
    return {**checks, **one.gates}
