"""Refactoring operations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from lemnos.api.kit.fields import Request, Text
from lemnos.api.orchex.wire.common import AgentId, Failed, KeyName
from lemnos.domains.quality.safety import Check, Outcome, Safety

State = Literal["running", "completed", "rolled_back", "failed", "cancelled"]


class PullRequestSaid(Request):
    """What the pull request should say; what is left out is made from the opportunity."""

    title: Annotated[Text, Field(max_length=256)] = ""
    body: Annotated[Text, Field(max_length=65_536)] = ""
    branch: Annotated[Text, Field(max_length=200)] = ""


class ApplyRefactoring(Request):
    """An opportunity to carry out. ``agent_id``: who does what no deterministic tool can."""

    opportunity_id: Annotated[Text, Field(min_length=1, max_length=100)]
    dry_run: bool = False
    create_pr: bool = False
    pr_options: PullRequestSaid = PullRequestSaid()
    provider_key: KeyName = ""
    agent_id: AgentId | None = None


class RefactoringStarted(BaseModel):
    """A refactoring that was accepted."""

    refactoring_id: str
    status: State
    estimated_completion: str | None


class RefactoringChanges(BaseModel):
    """How much changed."""

    files_modified: int
    lines_added: int
    lines_removed: int


class SafetyCheck(BaseModel):
    """One check; ``passed`` is null for one that could not run, which is none that passed."""

    check: Check
    passed: bool | None
    outcome: Outcome
    tool: str
    detail: str
    findings: list[str]
    duration_seconds: float


class SafetyFound(BaseModel):
    """What the checks of the changed tree say."""

    overall_safety: Safety
    checks: list[SafetyCheck]


class RefactoringEffect(BaseModel):
    """What it did to its file's score, beside what was promised (percent)."""

    promised_reduction: float
    score_before: float
    score_after: float
    complexity_before: int
    complexity_after: int


class RefactoringPullRequest(BaseModel):
    """The pull request that proposes it."""

    url: str
    number: int | None
    title: str
    branch: str


class RefactoringDetails(BaseModel):
    """A refactoring. ``stage`` is where it is while it is running; ``success`` is null until then.

    ``method``: what carried it out.
    """

    refactoring_id: str
    status: State
    stage: Literal["queued", "running", "checking", "proposing"] | None
    success: bool | None
    opportunity_id: str
    analysis_id: str
    repository: str
    file_path: str
    dry_run: bool
    method: str | None
    task_id: str | None
    changes: RefactoringChanges | None
    diff: str | None
    safety_report: SafetyFound | None
    effect: RefactoringEffect | None
    pull_request: RefactoringPullRequest | None
    error: Failed | None
    created_at: str
    started_at: str | None
    completed_at: str | None


class RefactoringPage(BaseModel):
    """Refactorings, the newest first."""

    refactorings: list[RefactoringDetails]
    total: int | None
    limit: int
    offset: int


class RefactoringCancelled(BaseModel):
    """A refactoring that was asked to end."""

    refactoring_id: str
    status: State | Literal["cancelling"]
