"""Refactorings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lemnos_sdk._model import model
from lemnos_sdk.orchex.models.tasks import Failure


@model
class RefactoringStarted:
    """A refactoring that was accepted."""

    refactoring_id: str
    status: str
    estimated_completion: str | None = None


@model
class RefactoringCancelled:
    """A refactoring that was asked to end."""

    refactoring_id: str
    status: str


@model
class SafetyCheck:
    """A check of the changed tree; ``passed`` is None for one that could not run."""

    check: str
    passed: bool | None = None
    outcome: str = ""
    tool: str = ""
    detail: str = ""
    findings: Sequence[str] = ()
    duration_seconds: float = 0.0


@model
class SafetyReport:
    """What the checks say together: ``safe``, ``caution`` or ``unsafe``."""

    overall_safety: str
    checks: Sequence[SafetyCheck] = ()


@model
class Effect:
    """What it did to its file's score, beside what was promised in percent."""

    promised_reduction: float
    score_before: float
    score_after: float
    complexity_before: int
    complexity_after: int


@model
class PullRequest:
    """The pull request that proposes it."""

    url: str
    number: int | None = None
    title: str = ""
    branch: str = ""


@model
class Refactoring:
    """A refactoring. ``stage``: where it is while it is running; then ``success`` says how it was.

    ``method``: what carried it out.
    """

    refactoring_id: str
    status: str
    stage: str | None = None
    success: bool | None = None
    opportunity_id: str = ""
    analysis_id: str = ""
    repository: str = ""
    file_path: str = ""
    dry_run: bool = False
    method: str | None = None
    task_id: str | None = None
    changes: Mapping[str, int] | None = None
    diff: str | None = None
    safety_report: SafetyReport | None = None
    effect: Effect | None = None
    pull_request: PullRequest | None = None
    error: Failure | None = None
    created_at: str = ""
    started_at: str | None = None
    completed_at: str | None = None
