"""Task management."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from lemnos.api.kit.fields import Prompt, Request, Text
from lemnos.api.kit.gates import Gates, TaskGatesSaid
from lemnos.api.orchex.wire.common import (
    AgentId,
    Balancing,
    Capability,
    Failed,
    KeyName,
    Loose,
    Money,
    Provider,
    Type,
    Urgency,
)
from lemnos.domains.tasks.model import Priority
from lemnos.domains.tasks.routing.model import Feedback

TaskState = Literal["queued", "running", "completed", "failed", "cancelled", "awaiting_decision"]
TASK_STATES: tuple[TaskState, ...] = (
    *("queued", "running", "completed"),
    *("failed", "cancelled", "awaiting_decision"),
)
Verdict = Annotated[Feedback, Field(strict=False)]


class TaskContext(Loose):
    """What the work is about. All of it reaches the agent but what only names the repository.

    ``repository``: an http(s) URL or an absolute path is the repository to work on; any other
    word only describes it. ``repository_url`` and ``repository_path`` say so plainly.
    """

    repository: Annotated[Text, Field(max_length=2048)] = ""
    repository_url: Annotated[Text, Field(max_length=2048)] = ""
    repository_path: Annotated[Text, Field(max_length=2048)] = ""
    branch: Annotated[Text, Field(max_length=250)] = ""
    provider_key: KeyName = ""
    files: Annotated[list[Text], Field(max_length=1000)] = []
    language: Annotated[Text, Field(max_length=100)] = ""
    framework: Annotated[Text, Field(max_length=100)] = ""


class TaskRequirements(Request):
    """What the work needs of an agent."""

    required_capabilities: Annotated[list[Capability], Field(max_length=50)] = []
    max_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300
    priority: Urgency = Priority.MEDIUM


class TaskConstraints(Request):
    """What it may cost, and who is wanted or not."""

    max_cost_usd: Annotated[Money, Field(gt=0)] | None = None
    preferred_providers: Annotated[list[Provider], Field(max_length=50)] = []
    excluded_agents: Annotated[list[AgentId], Field(max_length=1000)] = []


class TaskMetadata(Loose):
    """What the caller keeps with a task; ``user_id`` is on whose behalf it is asked for."""

    user_id: Annotated[Text, Field(max_length=200)] = ""


class FanOut(Request):
    """Give the task to several agents at once and keep the best result that passes.

    Judged by the task's ``gates``, or by the five safety checks where it has none.
    """

    agents: Annotated[list[AgentId], Field(min_length=2, max_length=10)]
    pick: Literal["gates"] = "gates"


class RouteTask(Request):
    """Work to find an agent for."""

    type: Type
    description: Annotated[Text, Field(max_length=102_400)] = ""
    context: Annotated[TaskContext, Field(default_factory=TaskContext)]
    requirements: Annotated[TaskRequirements, Field(default_factory=TaskRequirements)]
    constraints: Annotated[TaskConstraints, Field(default_factory=TaskConstraints)]
    metadata: Annotated[TaskMetadata, Field(default_factory=TaskMetadata)]
    agent_id: AgentId | None = None
    strategy: Balancing | None = None


class SubmitTask(RouteTask):
    """Work to be done by the agent that fits it best, or by ``agent_id`` alone."""

    description: Prompt
    fan_out: FanOut | None = None
    gates: Gates = None


class RetryTask(Request):
    """What is different this time."""

    agent_id: AgentId | None = None
    priority: Urgency | None = None


class GiveFeedback(Request):
    """What a person says of a task's outcome."""

    verdict: Verdict
    comment: Annotated[Text, Field(max_length=10_000)] = ""


class ProposeChanges(Request):
    """What the pull request says; what is left out is made from the task."""

    title: Annotated[Text, Field(max_length=256)] = ""
    body: Annotated[Text, Field(max_length=65_536)] = ""
    target_branch: Annotated[Text, Field(max_length=250)] = ""


class TaskSubmitted(BaseModel):
    """A task that was accepted; ``estimated_completion`` is null where nobody can tell."""

    task_id: str
    status: TaskState
    estimated_completion: str | None
    queue_position: int | None
    created_at: str


class TaskProgress(BaseModel):
    """How far a task is; ``basis``: what the estimate rests on."""

    percentage: int
    stage: str
    message: str
    basis: str


class TaskFinding(BaseModel):
    """Something that a review or a security analysis points out."""

    message: str
    severity: str
    file: str | None
    line: int | None
    suggestion: str | None


class TaskChanges(BaseModel):
    """How much changed."""

    files_changed: int
    insertions: int
    deletions: int


class TaskResult(BaseModel):
    """What a task came to, by its type; what does not apply is null or empty."""

    code: str | None
    language: str | None
    explanation: str
    suggestions: list[str]
    findings: list[TaskFinding]
    diff: str | None
    changes: TaskChanges | None
    gates: TaskGatesSaid | None


class TaskUsage(BaseModel):
    """Tokens of all attempts."""

    input_tokens: int
    output_tokens: int


class TaskTry(BaseModel):
    """One agent's try at a task that was given to several."""

    task_id: str
    agent_id: str
    status: str
    kept: bool
    checks: dict[str, str]
    cost_usd: float | None
    lines_changed: int
    problem: str | None


class TaskComparison(BaseModel):
    """The tries of a task that was given to several agents; null: not judged yet."""

    pick: str
    tasks: list[str]
    tries: list[TaskTry] | None


class TaskSummary(BaseModel):
    """A task in a list."""

    task_id: str
    type: str
    status: TaskState
    description: str
    priority: str
    agent_id: str | None
    user_id: str | None
    created_at: str
    started_at: str | None
    completed_at: str | None
    cost_usd: float | None
    gates: TaskGatesSaid | None


class TaskDetails(TaskSummary):
    """A task as a whole. ``tier``, ``attempts``, ``duration_ms``: what happened."""

    progress: TaskProgress | None
    queue_position: int | None
    estimated_completion: str | None
    result: TaskResult | None
    error: Failed | None
    tier: int | None
    attempts: int
    duration_ms: int | None
    usage: TaskUsage | None
    repository: str | None
    branch: str | None
    pull_request_url: str | None
    metadata: dict[str, Any]
    retry_of: str | None
    parent_id: str | None
    fan_out: TaskComparison | None


class TaskPage(BaseModel):
    """A page of tasks, the newest first. ``total`` is counted up to 10,000."""

    tasks: list[TaskSummary]
    total: int
    limit: int
    offset: int


class TaskCancelled(BaseModel):
    """A task that was cancelled; ``cancelling`` while its agent has not stopped yet."""

    task_id: str
    status: Literal["cancelled", "cancelling", "completed", "failed", "awaiting_decision"]
    cancelled_at: str | None


class TaskRetried(BaseModel):
    """A task that is done again."""

    task_id: str
    retry_task_id: str
    status: TaskState


class TaskJudged(BaseModel):
    """What a person said of a task."""

    task_id: str
    agent_id: str | None
    verdict: Feedback


class TaskProposed(BaseModel):
    """The pull request of a task; ``number`` is null where the host has none."""

    task_id: str
    url: str | None
    number: int | None
    branch: str | None


class TaskDiffFile(BaseModel):
    """One changed file."""

    path: str
    old_path: str | None
    status: str
    additions: int
    deletions: int
    binary: bool


class TaskDiff(BaseModel):
    """The changes of a task; ``diff`` is cut off at 1 MB, and ``truncated`` says so."""

    task_id: str
    files: list[TaskDiffFile]
    additions: int
    deletions: int
    diff: str
    truncated: bool
    notes: list[str]
