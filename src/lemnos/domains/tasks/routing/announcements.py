"""What webhooks are told of a task, in the words of the ORCHEX document."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from lemnos.domains.tasks.gating import plain_gates
from lemnos.domains.tasks.model import Status, Task
from lemnos.domains.tasks.routing.answers import read_answer
from lemnos.kernel import clock, ids
from lemnos.platform.db import Tx
from lemnos.platform.webhooks import Announcer

ENDED = {
    Status.COMPLETED: "task.completed",
    Status.FAILED: "task.failed",
    Status.CANCELLED: "task.cancelled",
    Status.PAUSED: "task.awaiting_decision",
}
# ORCHEX knows fewer states than there are.
SHOWN = {
    Status.PENDING: "queued",
    Status.AWAITING_INSTRUCTION: "queued",
    Status.CLONING: "running",
    Status.RUNNING: "running",
    Status.COMPLETED: "completed",
    Status.CREATING_PR: "completed",
    Status.PR_CREATED: "completed",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
    Status.PAUSED: "awaiting_decision",
}


class TaskAnnouncements:
    """Announces tasks to webhooks. Implements :class:`lemnos.domains.tasks.ports.Announcements`."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer

    async def created(self, tx: Tx, task: Task) -> None:
        """The task was accepted."""
        await self._announce(tx, task, "task.created")

    async def started(self, tx: Tx, task: Task) -> None:
        """Work at the task has begun, for the first time."""
        await self._announce(tx, task, "task.started")

    async def ended(self, tx: Tx, task: Task) -> None:
        """An iteration is over; how, the task says."""
        await self._announce(tx, task, ENDED[task.status])

    async def _announce(self, tx: Tx, task: Task, event: str) -> None:
        if not task.parent_id:  # the tries of a fan-out are its own affair
            await self._announcer.announce(tx, task.tenant, event, announced(task))


def announced(task: Task) -> Mapping[str, object]:
    """The data of an event: the task as it is now, its result as far as it is text."""
    return {
        "task_id": ids.task_id_of(task.id),
        "type": task.type.value,
        "status": SHOWN[task.status],
        "description": task.prompt,
        "result": _result(task),
        "error": task.error,
        "error_class": task.error_class or None,
        "agent_id": task.agent_id or None,
        "cost_usd": task.usage.cost_usd if task.usage else None,
        "changes": msgspec.to_builtins(task.changes) if task.changes else None,
        "gates": plain_gates(task.gates, whole=False),
        "user_id": task.user_id or None,
        "parent_id": ids.task_id_of(task.parent_id) if task.parent_id else None,
        "created_at": clock.iso(task.created_at),
        "started_at": clock.iso_or_none(task.started_at),
        "completed_at": clock.iso_or_none(task.finished_at),
    }


def _result(task: Task) -> Mapping[str, object] | None:
    if task.status is not Status.COMPLETED:
        return None
    said = read_answer(task.type, task.result or "", None, empty_start=False)
    return {
        "code": said.code or None,
        "explanation": said.explanation,
        "suggestions": list(said.suggestions),
        "findings": msgspec.to_builtins(said.findings),
    }
