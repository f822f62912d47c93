"""Refactorings: what is asked, where they are, what came of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lemnos.domains.quality.safety import SafetyReport
from lemnos.kernel.errors import Conflict, Invalid


class Status(StrEnum):
    """Where a refactoring is. ``rolled_back``: a check failed, and nothing is left of it.

    ``proposing``: all checks are through, and its pull request is being opened.
    """

    QUEUED = "queued"
    RUNNING = "running"
    CHECKING = "checking"
    PROPOSING = "proposing"
    COMPLETED = "completed"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({Status.COMPLETED, Status.ROLLED_BACK, Status.FAILED, Status.CANCELLED})

_S = Status
_NEXT: Mapping[Status, frozenset[Status]] = {
    _S.QUEUED: frozenset({_S.RUNNING, _S.CHECKING, _S.FAILED, _S.CANCELLED}),
    _S.RUNNING: frozenset({_S.CHECKING, _S.FAILED, _S.CANCELLED}),
    _S.CHECKING: frozenset({_S.PROPOSING, _S.COMPLETED, _S.ROLLED_BACK, _S.FAILED, _S.CANCELLED}),
    _S.PROPOSING: frozenset({_S.COMPLETED, _S.FAILED, _S.CANCELLED}),
}


def demand(status: Status, wanted: Status) -> None:
    """Raise ``Conflict`` unless a refactoring may go from one state to the other."""
    if wanted is not status and wanted not in _NEXT.get(status, frozenset()):
        raise Conflict(
            f"A refactoring that is {status} cannot become {wanted}.",
            code="refactoring_state",
            details={"status": status.value},
        )


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


# git-check-ref-format(1), less what shells and people trip over.
_BRANCH = re.compile(
    r"(?!/)(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)))[A-Za-z0-9_][\w./@+-]{0,199}(?<![./])"
)


def check(new: NewRefactoring) -> None:
    """Raise ``Invalid`` for what contradicts itself or names what cannot be."""
    if new.dry_run and new.create_pr:
        raise Invalid(
            "A dry run changes nothing, so there is nothing to propose.",
            fields={"create_pr": "cannot be set together with dry_run"},
        )
    if new.pull_request.branch and not _BRANCH.fullmatch(new.pull_request.branch):
        problem = "is not a name that git takes for a branch"
        raise Invalid(f"pr_options.branch {problem}.", fields={"pr_options.branch": problem})
    if len(new.pull_request.title) > _LONGEST_TITLE:
        problem = f"may have at most {_LONGEST_TITLE} characters"
        raise Invalid(f"pr_options.title {problem}.", fields={"pr_options.title": problem})


_LONGEST_TITLE = 256  # characters, as GitHub limits them
