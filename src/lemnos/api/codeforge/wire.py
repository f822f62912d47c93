"""CodeForge's requests and answers, as its document and its clients have them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from lemnos.api.kit.fields import Prompt, Request, Secret, Text, Url
from lemnos.api.kit.gates import Gates, TaskGatesSaid

Name = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$", min_length=1, max_length=100)
]
ServerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", min_length=1, max_length=100)]
Environment = Annotated[dict[Text, Text], Field(max_length=100)]


class McpServer(Request):
    """An MCP server: an npm package or a command over stdio, or a URL."""

    name: ServerName
    package: Annotated[Text, Field(max_length=300)] = ""
    command: Annotated[Text, Field(max_length=1000)] = ""
    url: Annotated[Text, Field(max_length=2048)] = ""
    args: Annotated[list[Text], Field(max_length=100)] = []
    env: Environment = {}
    headers: Environment = {}


class Config(Request):
    """How a task is to be done."""

    timeout_seconds: Annotated[int, Field(ge=1)] = 300
    cli: Annotated[Text, Field(max_length=100)] = ""
    ai_model: Annotated[Text, Field(max_length=200)] = ""
    ai_api_key: Secret | None = None
    max_turns: Annotated[int, Field(ge=1, le=10_000)] | None = None
    target_branch: Annotated[Text, Field(max_length=250)] = ""
    max_budget_usd: Annotated[float, Field(gt=0, le=1_000_000, strict=False)] | None = None
    mcp_servers: Annotated[list[McpServer], Field(max_length=50, default_factory=list)]


class CreateTask(Request):
    """A prompt on a repository."""

    repo_url: Url
    prompt: Prompt
    provider_key: Annotated[Text, Field(max_length=100)] = ""
    access_token: Secret | None = None
    callback_url: Annotated[Text, Field(max_length=2048)] = ""
    config: Annotated[Config, Field(default_factory=Config)]
    gates: Gates = None


class Instruct(Request):
    """A follow-up; the limits given here hold from this iteration on."""

    prompt: Prompt
    timeout_seconds: Annotated[int, Field(ge=1)] | None = None
    max_turns: Annotated[int, Field(ge=1, le=10_000)] | None = None
    max_budget_usd: Annotated[float, Field(gt=0, le=1_000_000, strict=False)] | None = None


class CreatePullRequest(Request):
    """What the pull request says; what is left out is made from the task."""

    title: Annotated[Text, Field(max_length=256)] = ""
    description: Annotated[Text, Field(max_length=65_536)] = ""
    target_branch: Annotated[Text, Field(max_length=250)] = ""


class RegisterKey(Request):
    """A credential for a git host."""

    name: Name
    provider: Literal["github", "gitlab", "gitea", "generic"]
    token: Secret
    scope: Annotated[Text, Field(max_length=200)] = ""
    host: Annotated[Text, Field(max_length=260, pattern=r"^[A-Za-z0-9.:\[\]-]*$")] = ""


class TaskCreated(BaseModel):
    """A task that was accepted."""

    id: str
    status: str
    created_at: str


class ChangesSummary(BaseModel):
    """How much changed."""

    files_changed: int
    insertions: int
    deletions: int


class Usage(BaseModel):
    """What was used."""

    input_tokens: int
    output_tokens: int
    duration_seconds: float
    cost_usd: float | None


class Iteration(BaseModel):
    """One prompt and what came of it."""

    number: int
    prompt: str
    result: str | None
    error: str | None
    status: str
    changes: ChangesSummary | None
    usage: Usage | None
    gates: TaskGatesSaid | None = None
    started_at: str | None
    ended_at: str | None


class Task(BaseModel):
    """A task. ``cli`` is the runtime that does it, ``cli_reason`` why it is this one."""

    id: str
    task_id: str
    status: str
    progress: Annotated[float, Field(ge=0, le=1)] | None = None  # not in lists
    repo_url: str
    prompt: str
    config: dict[str, Any]
    result: str | None
    error: str | None
    error_class: str | None
    changes_summary: ChangesSummary | None
    usage: Usage | None
    gates: TaskGatesSaid | None
    iteration: int
    current_prompt: str
    iterations: list[Iteration] | None = None
    cli: str | None
    cli_reason: str | None
    paused: bool
    branch: str | None
    pr_number: int | None
    pr_url: str | None
    trace_id: str
    created_at: str
    started_at: str | None
    finished_at: str | None


class TaskList(BaseModel):
    """A page of tasks. ``total`` is counted up to 10,000, ``next`` the cursor of what follows."""

    tasks: list[Task]
    total: int
    limit: int
    offset: int
    next: str | None


class Instructed(BaseModel):
    """A follow-up that was accepted."""

    id: str
    status: Literal["awaiting_instruction"]
    iteration: int


class Cancelling(BaseModel):
    """A cancel that was accepted."""

    id: str
    status: Literal["cancelling"]
    message: str


class PullRequest(BaseModel):
    """An open pull request; ``pr_number`` is null where the host has none."""

    pr_url: str
    pr_number: int | None
    branch: str


class DiffFile(BaseModel):
    """One changed file."""

    path: str
    old_path: str | None
    status: str
    additions: int
    deletions: int
    binary: bool


class Diff(BaseModel):
    """The changes of a task; ``diff`` is cut off at 1 MB, and ``truncated`` says so.

    ``notes`` tell what the work tree holds and a change cannot, such as files in a submodule.
    """

    files: list[DiffFile]
    additions: int
    deletions: int
    diff: str
    truncated: bool
    notes: list[str]


class KeyRegistered(BaseModel):
    """A key that was stored."""

    name: str
    provider: str
    message: str


class Key(BaseModel):
    """A key without its token."""

    name: str
    provider: str
    scope: str
    host: str | None
    created_at: str


class KeyList(BaseModel):
    """The tenant's keys."""

    keys: list[Key]


class KeyVerified(BaseModel):
    """What the host says of a key."""

    name: str
    valid: bool
    account: str
    scopes: list[str]
    problem: str


class Done(BaseModel):
    """Something was done to what is named."""

    name: str
    message: str


class McpServerList(BaseModel):
    """MCP servers, the values of ``env`` and ``headers`` redacted."""

    servers: list[McpServer]


class Workspace(BaseModel):
    """A task's checkout on disk."""

    task_id: str
    size_mb: float
    created_at: str
    expires_at: str
    task_status: str
    node: str


class WorkspaceList(BaseModel):
    """All workspaces."""

    workspaces: list[Workspace]
    total_size_mb: float
    total_count: int


class WorkspaceDeleted(BaseModel):
    """A workspace that is gone."""

    task_id: str
    message: str


class Attempt(BaseModel):
    """One try of a callback; ``status`` is 0 when there was no answer."""

    number: int
    status: int
    problem: str
    duration_seconds: float
    at: str


class Delivery(BaseModel):
    """A callback and what came of it."""

    id: str
    url: str
    event: str
    state: Literal["pending", "delivered", "failed"]
    created_at: str
    next_attempt_at: str | None
    attempts: list[Attempt]


class DeliveryList(BaseModel):
    """The callbacks of a task, the newest first."""

    callbacks: list[Delivery]


class Redelivering(BaseModel):
    """A callback that goes out again."""

    id: str
    state: Literal["pending"]


class Error(BaseModel):
    """What went wrong. ``fields`` says it for each field of a request that is not valid."""

    error: str
    message: str
    code: str
    request_id: str
    fields: dict[str, str] | None = None
    details: dict[str, Any] | None = None
