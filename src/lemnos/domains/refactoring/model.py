"""Refactorings: what is asked, where they are, what came of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lemnos.domains.quality.model import SafetyReport


class Status(StrEnum):
    """Where a refactoring is. ``rolled_back``: a check failed, and nothing is left of it."""

    QUEUED = "queued"
    RUNNING = "running"
    CHECKING = "checking"
    COMPLETED = "completed"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class PullRequestOptions:
    """What a pull request should say; empty fields are made from the opportunity."""

    title: str = ""
    body: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class NewRefactoring:
    """A refactoring as it is asked for."""

    opportunity_id: str
    dry_run: bool = False
    create_pr: bool = False
    pull_request: PullRequestOptions = PullRequestOptions()
    provider_key: str = ""  # the registered git credential, to push with
    agent_id: str = ""  # the agent for what no deterministic tool can do; empty: routed


@dataclass(frozen=True, slots=True)
class Changed:
    """What it changed."""

    files_modified: int = 0
    lines_added: int = 0
    lines_removed: int = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """What it did to the score of its file, beside what was promised; percent and points."""

    promised: float
    score_before: float
    score_after: float
    complexity_before: int
    complexity_after: int


@dataclass(frozen=True, slots=True)
class OpenedPullRequest:
    """The pull request that proposes it."""

    url: str
    number: int | None
    title: str
    branch: str


@dataclass(frozen=True, slots=True)
class Refactoring:
    """A refactoring and how far it is. ``task_id`` is the task that carries it out.

    ``method`` names the deterministic tool that did it, or the agent.
    """

    id: str
    tenant: str
    created_by: str
    status: Status
    asked: NewRefactoring
    analysis_id: str
    repository: str
    path: str
    created_at: int
    trace_id: str = ""
    task_id: str = ""
    method: str = ""
    diff: str = ""
    changed: Changed | None = None
    report: SafetyReport | None = None
    effect: Effect | None = None
    pull_request: OpenedPullRequest | None = None
    error: str = ""
    error_class: str = ""
    started_at: int | None = None
    ended_at: int | None = None
