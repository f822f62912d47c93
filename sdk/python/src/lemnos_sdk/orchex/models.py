"""What ORCHEX says. Moments are ISO 8601 text in UTC, shares are from 0 to 1, money US dollars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from lemnos_sdk._model import model


def reason_of(error: Any) -> str:
    """The words of an error, which may be a text or an object."""
    told = error.get("message") if isinstance(error, dict) else error
    return str(told or "the server gave no reason")


# --- agents ----------------------------------------------------------------------------------


@model
class Registered:
    """An agent that was registered."""

    agent_id: str
    status: str
    health: str
    registered_at: str


@model
class Constraints:
    """Limits and price of an agent; None: no limit, or not known."""

    max_tokens: int | None = None
    max_concurrent_tasks: int | None = None
    rate_limit_per_minute: int | None = None
    cost_per_1k_tokens: float | None = None


@model
class Health:
    """What probes and outcomes say of an agent."""

    status: str
    last_check: str | None = None
    uptime_percentage: float | None = None
    avg_response_time_ms: float | None = None
    error_rate: float | None = None


@model
class Performance:
    """What an agent's work came to."""

    success_rate: float | None = None
    avg_quality_score: float | None = None
    total_tasks_completed: int = 0
    total_failures: int = 0
    avg_cost_per_task: float | None = None


@model
class Agent:
    """An agent of the registry; a list leaves out what only the details have."""

    agent_id: str
    name: str
    provider: str
    model: str = ""
    capabilities: Sequence[str] = ()
    constraints: Constraints = Constraints()
    config: Mapping[str, Any] = field(default_factory=dict)
    status: str = ""
    health: Health | None = None
    performance: Performance | None = None
    registered_at: str = ""
    last_seen: str | None = None


# --- tasks -----------------------------------------------------------------------------------


@model
class Submitted:
    """A task that was accepted."""

    task_id: str
    status: str
    estimated_completion: str | None = None
    queue_position: int | None = None


@model
class Progress:
    """How far a task is, from 0 to 100."""

    percentage: float = 0.0
    stage: str = ""
    message: str = ""


@model
class Result:
    """What a task came to. Which fields there are depends on its type."""

    code: str | None = None
    explanation: str | None = None
    suggestions: Sequence[str] = ()
    findings: Sequence[Mapping[str, Any]] = ()
    diff: str | None = None


@model
class TaskStatus:
    """A task as it is now. ``tier``, ``attempts`` and ``cost_usd`` are what really happened."""

    task_id: str
    status: str
    type: str = ""
    description: str = ""
    progress: Progress | None = None
    result: Result | None = None
    error: Any = None
    agent_id: str | None = None
    tier: int | None = None
    attempts: int | None = None
    duration_ms: float | None = None
    cost_usd: float | None = None
    queue_position: int | None = None
    estimated_completion: str | None = None
    created_at: str | None = None
    started_at: str | None = None
    completed_at: str | None = None

    @property
    def reason(self) -> str:
        """Why it failed, in words."""
        return reason_of(self.error)


@model
class Cancelled:
    """A task that was cancelled."""

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
class Candidate:
    """An agent that may do the work, with the terms of its score, each from 0 to 100."""

    agent_id: str
    tier: int = 0
    score: float | None = None
    terms: Mapping[str, float] = field(default_factory=dict)


@model
class LeftOut:
    """An agent that is no candidate, and why."""

    agent_id: str
    code: str = ""
    reason: str = ""


@model
class Attempt:
    """One try of an agent at a task."""

    agent_id: str
    number: int = 0
    tier: int = 0
    verdict: str | None = None
    error_class: str | None = None
    error: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    duration_ms: float | None = None
    cost_usd: float | None = None


@model
class Decision:
    """How a piece of work is routed."""

    strategy: str = ""
    candidates: Sequence[Candidate] = ()
    left_out: Sequence[LeftOut] = ()


@model
class Routing(Decision):
    """How a task was routed, and each try that was made."""

    attempts: Sequence[Attempt] = ()


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
    """The changes of a task, as git shows them; ``truncated`` when that is not all."""

    files: Sequence[DiffFile] = ()
    additions: int = 0
    deletions: int = 0
    diff: str = ""
    truncated: bool = False


@model
class Feedback:
    """What was said of a task's work."""

    task_id: str
    verdict: str
    comment: str = ""


# --- analyses and refactorings ---------------------------------------------------------------


@model
class Started:
    """An analysis that was accepted."""

    analysis_id: str
    status: str
    estimated_completion: str | None = None


@model
class Opportunity:
    """Something that could be improved."""

    opportunity_id: str
    type: str
    file_path: str
    description: str = ""
    impact: Mapping[str, Any] = field(default_factory=dict)
    risk: Mapping[str, Any] = field(default_factory=dict)


@model
class FileMetrics:
    """The chaos score of a file, from 0 to 100, and what it is made of."""

    file_path: str
    total_score: float
    complexity: Mapping[str, Any] = field(default_factory=dict)
    duplication: Mapping[str, Any] = field(default_factory=dict)
    size: Mapping[str, Any] = field(default_factory=dict)


@model
class AnalysisSummary:
    """An analysis in a few figures."""

    total_files: int = 0
    files_analyzed: int = 0
    avg_chaos_score: float = 0.0
    high_chaos_files: int = 0
    total_opportunities: int = 0
    estimated_debt_hours: float = 0.0


@model
class Analysis:
    """An analysis of a repository, and how far it is."""

    analysis_id: str
    status: str
    repository: str = ""
    branch: str | None = None
    commit: str | None = None
    summary: AnalysisSummary | None = None
    chaos_metrics: Sequence[FileMetrics] = ()
    opportunities: Sequence[Opportunity] = ()
    error: Any = None
    completed_at: str | None = None
    duration_ms: float | None = None


@model
class RefactoringStarted:
    """A refactoring that was accepted."""

    refactoring_id: str
    status: str
    estimated_completion: str | None = None


@model
class Changes:
    """How much a refactoring changed."""

    files_modified: int = 0
    lines_added: int = 0
    lines_removed: int = 0


@model
class SafetyCheck:
    """A check of the changed tree; ``passed`` is None for one that could not run."""

    check: str
    passed: bool | None = None


@model
class SafetyReport:
    """``overall_safety`` is ``safe``, ``caution`` or ``unsafe``."""

    overall_safety: str
    checks: Sequence[SafetyCheck] = ()


@model
class PullRequest:
    """An open pull request."""

    url: str
    number: int | None = None
    title: str = ""


@model
class Refactoring:
    """A refactoring, and how far it is. ``success`` is None until it has ended."""

    refactoring_id: str
    status: str
    success: bool | None = None
    changes: Changes | None = None
    safety_report: SafetyReport | None = None
    pull_request: PullRequest | None = None
    diff: str | None = None
    error: Any = None
    completed_at: str | None = None


# --- metrics, health, webhooks ---------------------------------------------------------------


@model
class AgentMetrics:
    """What one agent did in a period."""

    tasks: int = 0
    success_rate: float | None = None
    avg_quality: float | None = None
    cost_usd: float = 0.0


@model
class Metrics:
    """What all agents did in a period."""

    period: str
    total_tasks: int = 0
    success_rate: float | None = None
    avg_duration_ms: float | None = None
    total_cost_usd: float = 0.0
    agents: Mapping[str, AgentMetrics] = field(default_factory=dict)


@model
class AgentCounts:
    """Agents by health."""

    total: int = 0
    healthy: int = 0
    degraded: int = 0
    offline: int = 0


@model
class SystemHealth:
    """The state of each component."""

    status: str
    version: str = ""
    uptime_seconds: float = 0.0
    components: Mapping[str, str] = field(default_factory=dict)
    agents: AgentCounts = AgentCounts()


@model
class SystemStatus:
    """Components, queue and speed in detail."""

    system: str
    components: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    queue: Mapping[str, Any] = field(default_factory=dict)
    performance: Mapping[str, Any] = field(default_factory=dict)


@model
class Webhook:
    """Where events are sent. Its secret is never returned, but for one that the server made."""

    webhook_id: str
    url: str
    events: Sequence[str] = ()
    active: bool = True
    created_at: str | None = None


@model
class Delivery:
    """A webhook that was or will be sent, and what came of it."""

    delivery_id: str
    event: str = ""
    state: str = ""
    attempts: Any = ()
    created_at: str | None = None
