"""Refactorings and their safety reports."""

from __future__ import annotations

import msgspec

from lemnos.api.orchex.envelope import Json
from lemnos.api.orchex.wire import refactoring as wire
from lemnos.domains.quality.safety import CheckResult, Outcome, SafetyReport
from lemnos.domains.refactoring.model import (
    ENDED,
    Effect,
    NewRefactoring,
    PullRequestOptions,
    Refactoring,
    Status,
)
from lemnos.kernel.clock import iso, iso_or_none
from lemnos.kernel.ids import task_id_of
from lemnos.kernel.page import Page

_PASSED = {Outcome.PASSED: True, Outcome.FAILED: False, Outcome.NOT_RUN: None}


def new_refactoring(body: wire.ApplyRefactoring) -> NewRefactoring:
    """A refactoring as the domain takes it."""
    said = body.pr_options
    return NewRefactoring(
        opportunity_id=body.opportunity_id,
        dry_run=body.dry_run,
        create_pr=body.create_pr,
        pull_request=PullRequestOptions(said.title, said.body, said.branch),
        provider_key=body.provider_key,
        agent_id=body.agent_id or "",
    )


def started(found: Refactoring, expected: int | None) -> Json:
    """The answer to a new refactoring."""
    return {
        "refactoring_id": found.id,
        "status": _state(found),
        "estimated_completion": iso_or_none(expected),
    }


def _state(found: Refactoring) -> str:
    """As the document has it: what has not ended is running, in one of our stages."""
    return found.status.value if found.status in ENDED else "running"


def page(found: Page[Refactoring], limit: int, offset: int) -> Json:
    """Refactorings, the newest first."""
    shown = [details(one) for one in found.items]
    return {"refactorings": shown, "total": found.total, "limit": limit, "offset": offset}


def details(found: Refactoring) -> Json:
    """A refactoring as a whole."""
    ended = found.status in ENDED
    return {
        "refactoring_id": found.id,
        "status": _state(found),
        "stage": None if ended else found.status.value,
        "success": found.status is Status.COMPLETED if ended else None,
        "opportunity_id": found.asked.opportunity_id,
        "analysis_id": found.analysis_id,
        "repository": found.repository,
        "file_path": found.path,
        "dry_run": found.asked.dry_run,
        "method": found.method or None,
        "task_id": task_id_of(found.task_id) if found.task_id else None,
        "changes": msgspec.to_builtins(found.changed) if found.changed else None,
        "diff": found.diff or None,
        "safety_report": _report(found.report) if found.report else None,
        "effect": _effect(found.effect) if found.effect else None,
        "pull_request": msgspec.to_builtins(found.pull_request) if found.pull_request else None,
        "error": _error(found),
        "created_at": iso(found.created_at),
        "started_at": iso_or_none(found.started_at),
        "completed_at": iso_or_none(found.ended_at),
    }


def cancelled(found: Refactoring) -> Json:
    """The answer to a cancel."""
    status = _state(found) if found.status in ENDED else "cancelling"
    return {"refactoring_id": found.id, "status": status}


def _report(report: SafetyReport) -> Json:
    return {
        "overall_safety": report.overall.value,
        "checks": [_check(result) for result in report.checks],
    }


def _check(result: CheckResult) -> Json:
    return {
        "check": result.check.value,
        "passed": _PASSED[result.outcome],
        "outcome": result.outcome.value,
        "tool": result.tool,
        "detail": result.detail,
        "findings": list(result.findings),
        "duration_seconds": round(result.duration_seconds, 3),
    }


def _effect(found: Effect) -> Json:
    return {
        "promised_reduction": found.promised,
        "score_before": round(found.score_before, 2),
        "score_after": round(found.score_after, 2),
        "complexity_before": found.complexity_before,
        "complexity_after": found.complexity_after,
    }


def _error(found: Refactoring) -> Json | None:
    if not found.error:
        return None
    return {"code": found.error_class or found.status.value, "message": found.error}
