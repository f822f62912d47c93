"""The kinds of durable jobs that tasks are carried out by, and their names."""

from __future__ import annotations

from lemnos.domains.tasks.model import Task
from lemnos.engine import Job

ITERATE = "task.iterate"  # an iteration by the runtime that the task names
ROUTE = "task.route"  # a leg of an iteration by agents of the registry
JUDGE = "task.judge"  # the choice among the tries of a fan-out
OPEN_PR = "task.open_pr"


def iteration_job(
    task: Task, *, leg: int = 1, run_at: int | None = None, rank: int | None = None
) -> Job:
    """The job that carries out the task's current iteration, or goes on with it."""
    name = f"iterate:{task.id}:{task.iteration}"
    payload: dict[str, object] = {
        "task_id": task.id,
        "number": task.iteration,
        "trace_id": task.trace_id,
    }
    if not task.routed:
        return Job(name, ITERATE, task.tenant, payload, priority=task.priority.rank)
    payload["leg"] = leg
    name = name if leg == 1 else f"{name}:{leg}"
    return Job(name, ROUTE, task.tenant, payload, run_at, task.priority.rank, rank)


def judge_job(task: Task) -> Job:
    """The job that judges a fan-out."""
    payload = {"task_id": task.id, "number": task.iteration, "trace_id": task.trace_id}
    name = f"judge:{task.id}:{task.iteration}"
    return Job(name, JUDGE, task.tenant, payload, priority=task.priority.rank)
