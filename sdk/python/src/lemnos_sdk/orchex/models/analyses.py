"""Analyses of repositories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from lemnos_sdk._model import model
from lemnos_sdk.orchex.models.tasks import Failure


@model
class AnalysisStarted:
    """An analysis that was accepted."""

    analysis_id: str
    status: str
    estimated_completion: str | None = None


@model
class AnalysisSummary:
    """An analysis in a few figures."""

    total_files: int
    files_analyzed: int
    avg_chaos_score: float
    high_chaos_files: int
    total_opportunities: int
    estimated_debt_hours: float
    files_failed: int = 0
    files_reused: int = 0
    languages: Mapping[str, int] = field(default_factory=dict)


@model
class FileMetrics:
    """One file as it was measured, its chaos score from 0 to 100.

    ``problem`` says why a file could not be measured.
    """

    file_path: str
    total_score: float
    language: str = ""
    terms: Mapping[str, float | None] | None = None
    complexity: Mapping[str, int] = field(default_factory=dict)
    duplication: Mapping[str, float | None] = field(default_factory=dict)
    coupling: Mapping[str, int | None] = field(default_factory=dict)
    size: Mapping[str, int] = field(default_factory=dict)
    documentation: Mapping[str, float | None] = field(default_factory=dict)
    churn: Mapping[str, int | None] = field(default_factory=dict)
    problem: str | None = None


@model
class Opportunity:
    """Something that could be improved, where, and what it would be worth."""

    opportunity_id: str
    type: str
    file_path: str
    description: str = ""
    location: Mapping[str, Any] = field(default_factory=dict)
    impact: Mapping[str, float] = field(default_factory=dict)
    risk: Mapping[str, str] = field(default_factory=dict)
    effort_hours: float | None = None
    priority: float | None = None


@model
class Analysis:
    """An analysis, and how far it is; a list tells less of it.

    ``chaos_metrics`` are the worst files; ``analyses.files()`` lists all.
    """

    analysis_id: str
    status: str
    repository: str
    analysis_type: str = ""
    branch: str | None = None
    commit: str | None = None
    summary: AnalysisSummary | None = None
    error: Failure | None = None
    progress: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    chaos_metrics: Sequence[FileMetrics] = ()
    opportunities: Sequence[Opportunity] = ()
    created_at: str = ""
    started_at: str | None = None
    completed_at: str | None = None
    duration_ms: float | None = None
