"""Tasks: their states and the rules between them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lemnos.domains.mcp.model import McpDefinition
from lemnos.domains.tasks.gating import GateRecord, GatesAsked
from lemnos.kernel.errors import Conflict

_LUCKLESS = 10
MAX_PROMPT = 102_400  # characters, as CodeForge limits them


class Status(StrEnum):
    """Where a task is. ``paused`` waits for a decision of a person, with its work kept."""

    PENDING = "pending"
    CLONING = "cloning"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    AWAITING_INSTRUCTION = "awaiting_instruction"
    CREATING_PR = "creating_pr"
    PR_CREATED = "pr_created"


RESTING = frozenset(
    {Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.PAUSED, Status.PR_CREATED}
)

_S = Status
_NEXT: Mapping[Status, frozenset[Status]] = {
    # Straight to running: a workspace was there. To paused: nothing is left of its budget.
    _S.PENDING: frozenset({_S.CLONING, _S.RUNNING, _S.CANCELLED, _S.FAILED, _S.PAUSED}),
    # Back to pending: no agent has room, or its next try is due later.
    _S.CLONING: frozenset({_S.RUNNING, _S.CANCELLED, _S.FAILED, _S.PENDING}),
    # Back to cloning: when its node has died, another one makes the workspace anew.
    _S.RUNNING: frozenset(
        {_S.COMPLETED, _S.CANCELLED, _S.FAILED, _S.PAUSED, _S.CLONING, _S.PENDING}
    ),
    _S.COMPLETED: frozenset({_S.AWAITING_INSTRUCTION, _S.CREATING_PR}),
    _S.FAILED: frozenset({_S.AWAITING_INSTRUCTION}),
    _S.CANCELLED: frozenset({_S.AWAITING_INSTRUCTION}),
    _S.PAUSED: frozenset({_S.AWAITING_INSTRUCTION, _S.CREATING_PR}),
    _S.AWAITING_INSTRUCTION: frozenset(
        {_S.CLONING, _S.RUNNING, _S.CANCELLED, _S.FAILED, _S.PENDING, _S.PAUSED}
    ),
    _S.CREATING_PR: frozenset({_S.PR_CREATED, _S.COMPLETED}),
    _S.PR_CREATED: frozenset({_S.AWAITING_INSTRUCTION, _S.CREATING_PR}),
}


def resting(status: Status) -> bool:
    """Whether nothing happens to the task until somebody asks for it."""
    return status in RESTING


def demand(status: Status, wanted: Status) -> None:
    """Raise ``Conflict`` unless a task may go from one state to the other."""
    if wanted not in _NEXT[status]:
        busy = "" if resting(status) else " It is still at work."
        raise Conflict(
            f"A task that is {status} cannot become {wanted}.{busy}",
            code="task_busy" if busy else "task_state",
            details={"status": status.value},
        )


class TaskType(StrEnum):
    """What kind of work a task is; a task that nobody typed is code generation."""

    CODE_GENERATION = "code_generation"
    CODE_REVIEW = "code_review"
    DEBUGGING = "debugging"
    REFACTORING = "refactoring"
    DOCUMENTATION = "documentation"
    TESTING = "testing"
    ARCHITECTURE = "architecture"
    SECURITY_ANALYSIS = "security_analysis"


class Priority(StrEnum):
    """How urgent a task is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The engine's number for it: a level is worth half an hour of waiting, so none starves."""
        return _RANKS[self]


_RANKS = {Priority.CRITICAL: 40, Priority.HIGH: 70, Priority.MEDIUM: 100, Priority.LOW: 130}


@dataclass(frozen=True, slots=True)
class TaskConfig:
    """What a caller may set for a task; None means the server's default. Secrets are apart."""

    timeout_seconds: int = 300
    cli: str = ""
    ai_model: str = ""
    max_turns: int | None = None
    target_branch: str = ""
    max_budget_usd: float | None = None
    operation: Mapping[str, Any] | None = None  # what an order asks of the built-in agent
    gates: GatesAsked | None = None  # None: nothing judges the work


@dataclass(frozen=True, slots=True)
class TaskSecrets:
    """What a task needs and nobody may see: sealed in the store, redacted everywhere."""

    access_token: str = ""
    ai_api_key: str = ""
    mcp_servers: tuple[McpDefinition, ...] = ()

    def values(self) -> tuple[str, ...]:
        """Each secret, for redaction."""
        own = (self.access_token, self.ai_api_key)
        servers = (secret for server in self.mcp_servers for secret in server.secrets())
        return tuple(secret for secret in (*own, *servers) if secret)


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task as it is asked for."""

    repo_url: str
    prompt: str
    config: TaskConfig = TaskConfig()
    secrets: TaskSecrets = field(default=TaskSecrets(), repr=False)
    provider_key: str = ""
    callback_url: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a task or an iteration used; tokens, seconds and US dollars."""

    input_tokens: int = 0
    output_tokens: int = 0
    duration_seconds: float = 0.0
    cost_usd: float | None = None

    def plus(self, other: Usage) -> Usage:
        """The sum; an unknown cost does not hide a known one."""
        costs = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.duration_seconds + other.duration_seconds,
            sum(costs) if costs else None,
        )


@dataclass(frozen=True, slots=True)
class Changes:
    """How much a task changed in its repository."""

    files_changed: int = 0
    insertions: int = 0
    deletions: int = 0


@dataclass(frozen=True, slots=True)
class Iteration:
    """One prompt and what came of it."""

    number: int
    prompt: str
    status: Status
    result: str | None = None
    error: str | None = None
    changes: Changes | None = None
    usage: Usage | None = None
    session: str = ""
    started_at: int | None = None
    ended_at: int | None = None
    gates: GateRecord | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work for an agent on a repository."""

    id: str
    tenant: str
    created_by: str
    status: Status
    repo_url: str
    prompt: str
    current_prompt: str
    iteration: int
    config: TaskConfig
    provider_key: str
    callback_url: str
    created_at: int
    trace_id: str
    result: str | None = None
    error: str | None = None
    error_class: str = ""
    runtime: str = ""
    runtime_reason: str = ""
    session: str = ""
    changes: Changes | None = None
    usage: Usage | None = None
    branch: str | None = None
    pr_number: int | None = None
    pr_url: str | None = None
    pushed_commit: str = ""
    cancel_requested_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    sealed: bytes = field(default=b"", repr=False)
    type: TaskType = TaskType.CODE_GENERATION
    priority: Priority = Priority.MEDIUM
    routed: bool = False  # to an agent of the registry, as its order asks
    agent_id: str = ""  # who does a routed task, once that is known
    user_id: str = ""  # on whose behalf it was asked for, as the caller says
    parent_id: str = ""  # the fan-out task that it is one of
    gates: GateRecord | None = None  # how the gates judged the current iteration


@dataclass(frozen=True, slots=True)
class PullRequestAsked:
    """What a caller wants in a pull request; empty fields are made from the task.

    ``job`` is the id of the job that carries it out. ``branch`` is the one to push to, which gets
    a numeric suffix where others have taken its name.
    """

    title: str = ""
    description: str = ""
    target_branch: str = ""
    job: str = ""
    branch: str = ""


def pull_request_title(task: Task, asked: PullRequestAsked) -> str:
    """The title asked for, or the first line of the prompt, at most 72 characters."""
    if asked.title:
        return asked.title
    first = task.prompt.strip().splitlines()[0] if task.prompt.strip() else "Changes by Lemnos"
    return first if len(first) <= 72 else f"{first[:71].rstrip()}…"


def branch_name(task_id: str, attempt: int = 1, asked: str = "") -> str:
    """The name asked for, or ``codeforge/task-<first 8 of the id>``; a suffix from attempt 2 on.

    The first 8 digits of a time-ordered id are those of its minute, so names do collide where one
    repository gets several tasks at once; from the tenth attempt on the number is the task's own.
    """
    number = attempt if attempt < _LUCKLESS else attempt + int(task_id[-8:], 16)
    suffix = "" if attempt == 1 else f"-{number}"
    return f"{asked or f'codeforge/task-{task_id[:8]}'}{suffix}"
