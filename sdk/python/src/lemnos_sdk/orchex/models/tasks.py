"""Tasks and what comes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from lemnos_sdk._gates import GatesSaid
from lemnos_sdk._model import model


@model
class Failure:
    """Why a piece of work has failed: a class of errors, and the same in words."""

    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


@model
class Submitted:
    """A task that was accepted."""

    task_id: str
    status: str
    estimated_completion: str | None = None
    queue_position: int | None = None
    created_at: str = ""


@model
class Progress:
    """How far a task is, from 0 to 100; ``basis``: what the estimate rests on."""

    percentage: float
    stage: str = ""
    message: str = ""
    basis: str = ""


@model
class Finding:
    """Something that a review or a security analysis points out."""

    message: str
    severity: str = ""
    file: str | None = None
    line: int | None = None
    suggestion: str | None = None


@model
class Changes:
    """How much changed."""

    files_changed: int = 0
    insertions: int = 0
    deletions: int = 0


@model
class Result:
    """What a task came to, by its type; what does not apply is None or empty."""

    code: str | None = None
    language: str | None = None
    explanation: str = ""
    suggestions: Sequence[str] = ()
    findings: Sequence[Finding] = ()
    diff: str | None = None
    changes: Changes | None = None
    gates: GatesSaid | None = None


@model
class Try:
    """One agent's try at a task that was given to several."""

    task_id: str
    agent_id: str
    status: str
    kept: bool
    checks: Mapping[str, str] = field(default_factory=dict)
    cost_usd: float | None = None
    lines_changed: int = 0
    problem: str | None = None


@model
class Comparison:
    """The tries of a task that was given to several agents; None: not judged yet."""

    pick: str
    tasks: Sequence[str] = ()
    tries: Sequence[Try] | None = None


@model
class TaskStatus:
    """A task as it is now; a list tells less of it.

    ``status`` is queued, running, completed, failed, cancelled or awaiting_decision. ``tier``,
    ``attempts``, ``duration_ms`` and ``cost_usd`` are what really happened.
    """

    task_id: str
    status: str
    type: str = ""
    description: str = ""
    priority: str = ""
    agent_id: str | None = None
    user_id: str | None = None
    created_at: str = ""
    started_at: str | None = None
    completed_at: str | None = None
    cost_usd: float | None = None
    gates: GatesSaid | None = None
    progress: Progress | None = None
    queue_position: int | None = None
    estimated_completion: str | None = None
    result: Result | None = None
    error: Failure | None = None
    tier: int | None = None
    attempts: int | None = None
    duration_ms: float | None = None
    usage: Mapping[str, int] | None = None
    repository: str | None = None
    branch: str | None = None
    pull_request_url: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    retry_of: str | None = None
    parent_id: str | None = None
    fan_out: Comparison | None = None


@model
class Cancelled:
    """A task that was cancelled; ``cancelling`` while its agent has not stopped yet."""

    task_id: str
    status: str
    cancelled_at: str | None = None


@model
class Retried:
    """A task that is tried again, as another one."""

    task_id: str
    retry_task_id: str
    status: str


@model
class Feedback:
    """What a person said of a task."""

    task_id: str
    verdict: str
    agent_id: str | None = None


@model
class Proposed:
    """The pull request of a task; ``number`` is None where the host has none."""

    task_id: str
    url: str | None = None
    number: int | None = None
    branch: str | None = None


@model
class DiffFile:
    """One changed file."""

    path: str
    old_path: str | None = None
    status: str = ""
    additions: int = 0
    deletions: int = 0
    binary: bool = False


@model
class Diff:
    """The changes of a task; ``truncated`` when ``diff`` is not all of them."""

    task_id: str
    files: Sequence[DiffFile] = ()
    additions: int = 0
    deletions: int = 0
    diff: str = ""
    truncated: bool = False
    notes: Sequence[str] = ()
