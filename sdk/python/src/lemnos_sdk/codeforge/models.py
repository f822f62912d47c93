"""What CodeForge says. Moments are ISO 8601 text in UTC, money is in US dollars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, TypedDict

from lemnos_sdk._gates import GatesSaid
from lemnos_sdk._model import model


@model
class Created:
    """A task that was accepted."""

    id: str
    status: str
    created_at: str


@model
class ChangesSummary:
    """How much changed."""

    files_changed: int = 0
    insertions: int = 0
    deletions: int = 0


@model
class Usage:
    """What was used."""

    input_tokens: int = 0
    output_tokens: int = 0
    duration_seconds: float = 0.0
    cost_usd: float | None = None


@model
class Iteration:
    """One prompt and what came of it."""

    number: int
    prompt: str
    status: str
    result: str | None = None
    error: str | None = None
    changes: ChangesSummary | None = None
    usage: Usage | None = None
    gates: GatesSaid | None = None
    started_at: str | None = None
    ended_at: str | None = None


@model
class TaskStatus:
    """A task as it is now. ``cli`` is the agent that does it, ``cli_reason`` why it is this one."""

    id: str
    status: str
    repo_url: str
    prompt: str
    config: Mapping[str, Any] = field(default_factory=dict)
    result: str | None = None
    error: str | None = None
    error_class: str | None = None
    changes_summary: ChangesSummary | None = None
    usage: Usage | None = None
    gates: GatesSaid | None = None
    iteration: int = 1
    current_prompt: str = ""
    iterations: Sequence[Iteration] | None = None
    cli: str | None = None
    cli_reason: str | None = None
    paused: bool = False
    branch: str | None = None
    pr_number: int | None = None
    pr_url: str | None = None
    trace_id: str = ""
    created_at: str = ""
    started_at: str | None = None
    finished_at: str | None = None


@model
class Instructed:
    """A follow-up that was accepted."""

    id: str
    status: str
    iteration: int


@model
class Cancelling:
    """A cancel that was accepted."""

    id: str
    status: str
    message: str = ""


@model
class PullRequest:
    """An open pull request; ``pr_number`` is None where the host has none."""

    pr_url: str
    pr_number: int | None
    branch: str


@model
class DiffFile:
    """One changed file."""

    path: str
    old_path: str | None
    status: str
    additions: int
    deletions: int
    binary: bool = False


@model
class Diff:
    """The changes of a task; ``truncated`` when ``diff`` is not all of them."""

    files: Sequence[DiffFile]
    additions: int
    deletions: int
    diff: str
    truncated: bool = False
    notes: Sequence[str] = ()


@model
class KeyRegistered:
    """A key that was stored."""

    name: str
    provider: str
    message: str = ""


@model
class Key:
    """A key without its token."""

    name: str
    provider: str
    scope: str = ""
    host: str | None = None
    created_at: str = ""


@model
class KeyVerified:
    """What the host says of a key."""

    name: str
    valid: bool
    account: str = ""
    scopes: Sequence[str] = ()
    problem: str = ""


@model
class Done:
    """Something was done to what is named."""

    name: str
    message: str = ""


@model
class McpServer:
    """An MCP server; the values of ``env`` and ``headers`` are redacted."""

    name: str
    package: str = ""
    command: str = ""
    url: str = ""
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@model
class Workspace:
    """A task's checkout on disk."""

    task_id: str
    size_mb: float
    created_at: str
    expires_at: str
    task_status: str
    node: str = ""


@model
class Workspaces:
    """All workspaces."""

    workspaces: Sequence[Workspace]
    total_size_mb: float
    total_count: int


@model
class WorkspaceDeleted:
    """A workspace that is gone."""

    task_id: str
    message: str = ""


@model
class CallbackAttempt:
    """One try of a callback; ``status`` is 0 when there was no answer."""

    number: int
    status: int
    problem: str = ""
    duration_seconds: float = 0.0
    at: str = ""


@model
class Callback:
    """A callback and what came of it: ``pending``, ``delivered`` or ``failed``."""

    id: str
    url: str
    event: str
    state: str
    created_at: str = ""
    next_attempt_at: str | None = None
    attempts: Sequence[CallbackAttempt] = ()


@model
class Redelivering:
    """A callback that goes out again."""

    id: str
    state: str


class McpServerParams(TypedDict, total=False):
    """An MCP server of a task: an npm ``package`` or a ``command`` over stdio, or a ``url``."""

    name: str
    package: str
    command: str
    url: str
    args: Sequence[str]
    env: Mapping[str, str]
    headers: Mapping[str, str]


class Config(TypedDict, total=False):
    """How a task is to be done; every field may be left out."""

    timeout_seconds: int
    cli: str
    ai_model: str
    ai_api_key: str
    max_turns: int
    target_branch: str
    max_budget_usd: float
    mcp_servers: Sequence[McpServerParams]
