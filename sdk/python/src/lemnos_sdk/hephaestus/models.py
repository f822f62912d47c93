"""What Hephaestus says. Moments are ISO 8601 text in UTC, durations are in seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, TypedDict

from lemnos_sdk._model import model


class Gates(TypedDict, total=False):
    """The gates that judge a task's work."""

    profile: str
    gates: Sequence[str]
    attempts: int
    budget_usd: float
    required: bool


@model
class Gate:
    """One gate. ``metadata`` has its verdict, the tool, and findings as results of SARIF."""

    name: str
    passed: bool
    message: str = ""
    duration: float = 0.0
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """Why one that has not passed has not: failed, missing_tool, timed_out, …"""
        return str(self.metadata.get("verdict", ""))


@model
class GuardRails:
    """What the gates say."""

    success: bool
    gates: Sequence[Gate] = ()
    duration: float = 0.0
    task_id: str = ""


@model
class Cleaned:
    """What went, in files and in bytes of the disk."""

    files_deleted: int
    size_freed: int
    manifest: Mapping[str, Any] = field(default_factory=dict)
    task_id: str = ""


@model
class OperationStatus:
    """A run as it is now; ``progress`` goes from 0 to 1."""

    task_id: str
    status: str
    progress: float
    kind: str = ""
    stage: str | None = None
    result: Mapping[str, Any] | None = None
    error: str | None = None
    error_code: str | None = None
    created_at: str = ""
    started_at: str | None = None
    ended_at: str | None = None


@model
class Cancelling:
    """A run that is to end."""

    task_id: str
    status: str
    message: str = ""


@model
class Ranking:
    """A file; ``terms`` sum up to ``score``, ``metrics`` are None where nothing was measured."""

    path: str
    score: float
    metrics: Mapping[str, Any] = field(default_factory=dict)
    terms: Mapping[str, float] = field(default_factory=dict)


@model
class Rankings:
    """The files that are most worth a refactoring, the best first."""

    rankings: Sequence[Ranking]
    strategy: str
    commit: str = ""
    days: int = 0
    files: int = 0
    warnings: Sequence[str] = ()


@model
class Hotspot:
    """A file that is complicated and often changed: who knows it, and what changes with it."""

    path: str
    score: float
    metrics: Mapping[str, Any] = field(default_factory=dict)
    authors: int = 0
    owners: Sequence[Mapping[str, Any]] = ()
    fragmentation: float = 0.0
    coupling: Sequence[Mapping[str, Any]] = ()


@model
class Hotspots:
    """Hotspots, the hottest first."""

    hotspots: Sequence[Hotspot]
    commit: str = ""
    days: int = 0
    files: int = 0
    commits: int = 0
    warnings: Sequence[str] = ()


@model
class RefactoringTask:
    """The task for an agent that was made of a ranking; CodeForge's client follows it."""

    task_id: str
    status: str
    path: str
    created_at: str


@model
class Ingested:
    """What was taken in."""

    workspace: str
    kind: str
    source: str
    files: int
    measured_at: str
    commit: str | None = None
