"""Records as Hephaestus shows them. Pure."""

from __future__ import annotations

from lemnos.api.hephaestus import wire
from lemnos.domains.analytics.model import Kind, Measurement
from lemnos.domains.operations.model import Operation, Status
from lemnos.domains.quality.model import GateRequest
from lemnos.domains.quality.service import NewGuardRails
from lemnos.domains.tasks.model import Task
from lemnos.kernel.clock import iso, iso_or_none
from lemnos.kernel.errors import Invalid
from lemnos.kernel.page import Page

Json = dict[str, object]


def new_guard_rails(body: wire.RunGuardRails) -> NewGuardRails:
    """The request as the domain takes it."""
    request = GateRequest(
        no_format=body.no_format,
        drift_check=body.drift_check,
        gates=tuple(body.gates),
        profile=body.profile,
        fail_fast=body.fail_fast,
        baseline=body.baseline,
        use_cache=body.use_cache,
        timeout=body.timeout_seconds,
    )
    return NewGuardRails(body.workspace, body.task_id, request)


def operation(found: Operation) -> Json:
    """Where a task is, with its result once it has completed."""
    return {
        "task_id": found.id,
        "kind": found.kind.value,
        "status": found.status.value,
        "progress": round(found.progress, 4),
        "stage": found.stage or None,
        "result": result(found) if found.result is not None else None,
        "error": found.error or None,
        "error_code": found.error_code or None,
        "created_at": iso(found.created_at),
        "started_at": iso_or_none(found.started_at),
        "ended_at": iso_or_none(found.ended_at),
    }


def result(found: Operation) -> Json:
    """What a completed task came to, as one who has waited for it gets it."""
    return {**(found.result or {}), "task_id": found.id}


def operations(page: Page[Operation], limit: int) -> Json:
    """A page of tasks."""
    return {
        "tasks": [operation(found) for found in page.items],
        "limit": limit,
        "next": page.next_key,
    }


def cancelling(found: Operation) -> Json:
    """A task that is to end, or has ended at once."""
    ended = found.status is Status.CANCELLED
    message = "The task was cancelled." if ended else "The task is being cancelled."
    return {"task_id": found.id, "status": found.status.value, "message": message}


def connected(found: Operation) -> Json:
    """How the stream of a task begins."""
    return {
        "task_id": found.id,
        "status": found.status.value,
        "progress": round(found.progress, 4),
    }


def measured(body: wire.Ingest) -> dict[str, tuple[int, int]]:
    """The two numbers of each file. Raises ``Invalid`` for a file that lacks one."""
    first, second = (
        ("covered", "total") if Kind(body.kind) is Kind.COVERAGE else ("churn", "revisions")
    )
    found: dict[str, tuple[int, int]] = {}
    for path, numbers in body.files.items():
        one, other = getattr(numbers, first), getattr(numbers, second)
        if one is None or other is None:
            problem = f"must have {first} and {second}"
            raise Invalid(f"{path} {problem}.", fields={f"files.{path}": problem})
        found[path] = (one, other)
    return found


def ingested(made: Measurement) -> Json:
    """What was taken in."""
    return {
        "workspace": made.workspace,
        "kind": made.kind.value,
        "source": made.source,
        "commit": made.commit or None,
        "files": len(made.content),
        "measured_at": iso(made.measured_at),
    }


def refactoring_task(made: Task, path: str) -> Json:
    """The task that refactors a file of the rankings."""
    return {
        "task_id": made.id,
        "status": made.status.value,
        "path": path,
        "created_at": iso(made.created_at),
    }
