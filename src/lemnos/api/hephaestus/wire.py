"""Hephaestus's requests and answers, as its document and its clients have them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from lemnos.api.kit.fields import Request, Text
from lemnos.api.kit.gates import Gates
from lemnos.domains.analytics.model import DEFAULT_DAYS, MAX_DAYS

Folder = Annotated[Text, Field(max_length=4096)]
TaskId = Annotated[Text, Field(max_length=64)]
Name = Annotated[Text, Field(min_length=1, max_length=100)]
Async = Annotated[bool, Field(alias="async", description="Answer at once with a task to follow.")]
Days = Annotated[int, Field(ge=1, le=MAX_DAYS)]
# As words and not as the domains' enumerations, whose names are those of other domains' too.
Strategy = Literal["risk_weighted", "coverage_first", "churn_based", "composite"]
Measure = Literal["coverage", "churn"]
Kind = Literal["guard_rails", "cleanup"]
Status = Literal["pending", "running", "completed", "failed", "cancelled"]
Share = Annotated[float, Field(ge=0, le=1)]


class RunGuardRails(Request):
    """What to judge and how. ``task_id`` names a task for agents, whose workspace is meant."""

    no_format: bool = False
    workspace: Folder = ""
    drift_check: bool = False
    task_id: TaskId = ""
    gates: Annotated[list[Name], Field(max_length=100)] = []
    profile: Annotated[Text, Field(max_length=100)] = ""
    fail_fast: bool = False
    baseline: Folder = ""
    use_cache: bool = True
    timeout_seconds: Annotated[float, Field(gt=0, le=86_400, strict=False)] | None = None
    respond_async: Async = False


class Clean(Request):
    """What to clean. ``task_id`` names a task for agents, whose workspace is meant."""

    root: Folder = ""
    deep_clean: bool = False
    dry_run: bool = False
    task_id: TaskId = ""
    respond_async: Async = False


class RefactorRanked(Request):
    """Which file of the rankings an agent shall refactor."""

    path: Annotated[Text, Field(min_length=1, max_length=4096)]
    workspace: Folder = ""
    task_id: TaskId = ""
    strategy: Strategy = "composite"
    days: Days = DEFAULT_DAYS
    instructions: Annotated[Text, Field(max_length=10_000)] = ""
    gates: Gates = None


class Measured(Request):
    """Two numbers of a file: lines covered and coverable, or lines changed and commits."""

    covered: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    total: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    churn: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    revisions: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None


class Ingest(Request):
    """What another system has measured of the files of a repository, by path."""

    kind: Measure
    source: Name
    files: Annotated[dict[Text, Measured], Field(max_length=100_000)]
    workspace: Folder = ""
    commit: Annotated[Text, Field(pattern=r"^([0-9a-f]{7,64})?$")] = ""


class Gate(BaseModel):
    """One gate. ``metadata`` has its verdict, the tool, and findings as results of SARIF 2.1.0."""

    name: str
    passed: bool
    message: str
    duration: float
    metadata: dict[str, Any]


class GuardRails(BaseModel):
    """What the gates say; ``duration`` in seconds."""

    success: bool
    gates: list[Gate]
    duration: float
    task_id: str


class Cleaned(BaseModel):
    """What went, in files and in bytes of the disk; ``manifest`` tells each."""

    files_deleted: int
    size_freed: int
    manifest: dict[str, Any]
    task_id: str


class OperationState(BaseModel):
    """Where a task is. ``progress`` goes from 0 to 1; ``stage`` says what is done now."""

    task_id: str
    kind: Kind
    status: Status
    progress: Share
    stage: str | None
    result: dict[str, Any] | None
    error: str | None
    error_code: str | None
    created_at: str
    started_at: str | None
    ended_at: str | None


class OperationPage(BaseModel):
    """A page of tasks, without their results. ``next`` is the cursor of what follows."""

    tasks: list[OperationState]
    limit: int
    next: str | None


class CancellingOperation(BaseModel):
    """A task that is to end."""

    task_id: str
    status: Status
    message: str


class Ranking(BaseModel):
    """A file. ``metrics`` are null where nothing was measured; ``terms`` sum up to ``score``."""

    path: str
    score: float
    metrics: dict[str, Any]
    terms: dict[str, float]


class Rankings(BaseModel):
    """The files that are most worth a refactoring, the best first."""

    rankings: list[Ranking]
    strategy: Strategy
    commit: str
    days: int
    files: int
    warnings: list[str]


class Hotspot(BaseModel):
    """A file that is complicated and often changed: who knows it, and what changes with it."""

    path: str
    score: float
    metrics: dict[str, Any]
    authors: int
    owners: list[dict[str, Any]]
    fragmentation: float
    coupling: list[dict[str, Any]]


class Hotspots(BaseModel):
    """Hotspots, the hottest first."""

    hotspots: list[Hotspot]
    commit: str
    days: int
    files: int
    commits: int
    warnings: list[str]


class Ingested(BaseModel):
    """What was taken in."""

    workspace: str
    kind: Measure
    source: str
    commit: str | None
    files: int
    measured_at: str


class RefactoringTask(BaseModel):
    """The task for an agent that was made; it is followed as any task."""

    task_id: str
    status: str
    path: str
    created_at: str


class ErrorDetail(BaseModel):
    """What went wrong. ``fields`` says it for each field of a request that is not valid."""

    detail: str
    code: str
    request_id: str
    fields: dict[str, str] | None = None
    details: dict[str, Any] | None = None
