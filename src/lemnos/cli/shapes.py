"""The answers of the CodeForge operations, as far as the commands look into them."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Created(TypedDict):
    """A task that was accepted."""

    id: str
    status: str
    created_at: str


class Changes(TypedDict):
    """How much changed."""

    files_changed: int
    insertions: int
    deletions: int


class Usage(TypedDict):
    """What was used; seconds and US dollars."""

    input_tokens: int
    output_tokens: int
    duration_seconds: float
    cost_usd: float | None


class Iteration(TypedDict):
    """One prompt and what came of it."""

    number: int
    prompt: str
    result: str | None
    error: str | None
    status: str
    changes: Changes | None
    usage: Usage | None
    started_at: str | None
    ended_at: str | None


class Task(TypedDict):
    """A task."""

    id: str
    status: str
    repo_url: str
    prompt: str
    result: str | None
    error: str | None
    changes_summary: Changes | None
    usage: Usage | None
    gates: dict[str, Any] | None
    iteration: int
    current_prompt: str
    iterations: NotRequired[list[Iteration]]
    cli: str | None
    cli_reason: str | None
    paused: bool
    branch: str | None
    pr_number: int | None
    pr_url: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class TaskPage(TypedDict):
    """Tasks, the newest first."""

    tasks: list[Task]
    total: int
    next: str | None


class DiffFile(TypedDict):
    """One changed file."""

    path: str
    status: str
    additions: int
    deletions: int
    binary: bool


class Diff(TypedDict):
    """The changes of a task."""

    files: list[DiffFile]
    additions: int
    deletions: int
    diff: str
    truncated: bool


class PullRequest(TypedDict):
    """An open pull request; without a number where the host has none."""

    pr_url: str
    pr_number: int | None
    branch: str


class StreamEvent(TypedDict):
    """An event of a task's stream. ``data`` is raw, ``detail`` what is known of its meaning.

    ``id`` is the cursor to resume from; ``name`` of the frame is ``message`` for those of the log,
    else ``connected``, ``done`` or ``timeout``.
    """

    id: str
    name: str
    type: str
    event: str
    ts: str
    data: dict[str, Any]
    detail: dict[str, Any]
