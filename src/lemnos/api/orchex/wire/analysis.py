"""Repository analysis."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from lemnos.api.kit.fields import Request, Text
from lemnos.api.orchex.wire.common import Failed, KeyName
from lemnos.domains.analysis.model import AnalysisType, OpportunityType, Risk, Status

Pattern = Annotated[Text, Field(min_length=1, max_length=1000)]
Kind = Annotated[AnalysisType, Field(strict=False)]


class AnalysisOptions(Request):
    """What to look at. Patterns are globs over paths from the root; ``**`` spans folders."""

    include_metrics: bool = True
    identify_opportunities: bool = True
    max_opportunities: Annotated[int, Field(ge=0, le=1000)] = 20
    include_patterns: Annotated[list[Pattern], Field(max_length=100)] = []
    exclude_patterns: Annotated[list[Pattern], Field(max_length=100)] = []


class StartAnalysis(Request):
    """A repository to analyse. Where both are given, ``repository_url`` counts, not the path."""

    repository_url: Annotated[Text, Field(max_length=2048)] = ""
    repository_path: Annotated[Text, Field(max_length=2048)] = ""
    branch: Annotated[Text, Field(max_length=250)] = ""
    commit: Annotated[Text, Field(max_length=250)] = ""
    analysis_type: Kind = AnalysisType.FULL
    options: AnalysisOptions = AnalysisOptions()
    provider_key: KeyName = ""


class AnalysisStarted(BaseModel):
    """An analysis that was accepted."""

    analysis_id: str
    status: Status
    estimated_completion: str | None


class AnalysisSummary(BaseModel):
    """An analysis in a few figures."""

    total_files: int
    files_analyzed: int
    files_failed: int
    files_reused: int
    avg_chaos_score: float
    high_chaos_files: int
    total_opportunities: int
    estimated_debt_hours: float
    languages: dict[str, int]
    notes: list[str]


class FileComplexity(BaseModel):
    """Of the worst function in a file."""

    cyclomatic: int
    cognitive: int
    nesting: int


class FileDuplication(BaseModel):
    """The share of lines that are elsewhere too, from 0 to 1."""

    percentage: float | None


class FileCoupling(BaseModel):
    """Files that import this one, and files that it imports."""

    afferent: int | None
    efferent: int | None


class FileSize(BaseModel):
    """How large a file is."""

    lines: int
    lines_of_code: int
    functions: int


class FileDocumentation(BaseModel):
    """The share that is documented, from 0 to 1; null where nothing is to be documented."""

    share: float | None


class FileChurn(BaseModel):
    """Lines changed, and how often, in the last 90 days."""

    lines_changed: int | None
    commits: int | None


class ChaosTerms(BaseModel):
    """The terms of a chaos score, each from 0 to 100; null: not measured."""

    complexity: float
    duplication: float | None
    coupling: float | None
    size: float
    documentation: float


class ChaosMetrics(BaseModel):
    """One file as it was measured; ``problem`` says why it could not be."""

    file_path: str
    language: str
    total_score: float
    terms: ChaosTerms | None
    complexity: FileComplexity
    duplication: FileDuplication
    coupling: FileCoupling
    size: FileSize
    documentation: FileDocumentation
    churn: FileChurn
    problem: str | None


class OpportunityRisk(BaseModel):
    """How likely the change is to break something, and why."""

    level: Risk
    reason: str


class OpportunityPlace(BaseModel):
    """Where it is; lines count from 1 and include both ends."""

    start_line: int
    end_line: int
    symbol: str | None


class FoundOpportunity(BaseModel):
    """Something that could be improved, the one with the highest priority first."""

    opportunity_id: str
    type: OpportunityType
    file_path: str
    location: OpportunityPlace
    description: str
    impact: dict[str, float]
    risk: OpportunityRisk
    effort_hours: float
    priority: float


class AnalysisBrief(BaseModel):
    """An analysis in the history."""

    analysis_id: str
    status: Status
    analysis_type: AnalysisType
    repository: str
    branch: str | None
    commit: str | None
    summary: AnalysisSummary | None
    error: Failed | None
    created_at: str
    started_at: str | None
    completed_at: str | None
    duration_ms: int | None


class AnalysisProgress(BaseModel):
    """How far an analysis is."""

    percentage: int
    stage: str


class AnalysisDetails(AnalysisBrief):
    """An analysis as a whole. ``chaos_metrics``: the 100 worst files; ``/files`` lists all."""

    progress: AnalysisProgress | None
    options: dict[str, Any]
    chaos_metrics: list[ChaosMetrics]
    opportunities: list[FoundOpportunity]


class AnalysisPage(BaseModel):
    """Analyses, the newest first."""

    analyses: list[AnalysisBrief]
    total: int | None
    limit: int
    offset: int


class MeasuredFiles(BaseModel):
    """Files of an analysis, the worst first; ``next_offset`` is null at the end."""

    analysis_id: str
    files: list[ChaosMetrics]
    limit: int
    offset: int
    next_offset: int | None
