"""Analyses of repositories: what is asked, what is measured, what is found. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MAX_OPPORTUNITIES = 1000  # that one analysis may be asked to keep


class AnalysisType(StrEnum):
    """Full measures every file; quick leaves out what needs all files together or history.

    Incremental measures what changed since the last analysis of the repository and takes the
    rest from there.
    """

    FULL = "full"
    QUICK = "quick"
    INCREMENTAL = "incremental"


class Status(StrEnum):
    """Where an analysis is; one that waits for its turn runs, in the stage ``queued``."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class OpportunityType(StrEnum):
    """What could be improved, as the ORCHEX facts list it."""

    EXTRACT_FUNCTION = "extract_function"
    EXTRACT_VARIABLE = "extract_variable"
    EXTRACT_CONSTANT = "extract_constant"
    SIMPLIFY_CONDITIONAL = "simplify_conditional"
    REMOVE_DUPLICATION = "remove_duplication"
    REDUCE_COMPLEXITY = "reduce_complexity"
    RENAME_VARIABLE = "rename_variable"
    IMPROVE_NAMING = "improve_naming"
    ADD_TYPE_HINTS = "add_type_hints"
    SPLIT_CLASS = "split_class"
    MOVE_METHOD = "move_method"


class Risk(StrEnum):
    """How likely a change is to break something."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Options:
    """What to look at. Patterns are globs over paths from the root; ``**`` spans folders."""

    include_metrics: bool = True
    identify_opportunities: bool = True
    max_opportunities: int = 20
    include_patterns: tuple[str, ...] = ()
    exclude_patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewAnalysis:
    """An analysis as it is asked for. ``repository`` is an http(s) URL or an absolute path."""

    repository: str
    branch: str = ""
    commit: str = ""
    type: AnalysisType = AnalysisType.FULL
    options: Options = Options()
    provider_key: str = ""  # the registered git credential for a private repository


@dataclass(frozen=True, slots=True)
class ScoreTerms:
    """The terms of a chaos score, each from 0 to 100; None: not measured, and weighed as 0."""

    complexity: float
    duplication: float | None
    coupling: float | None
    size: float
    documentation: float


@dataclass(frozen=True, slots=True)
class FileMetrics:
    """One file as it was measured.

    ``cyclomatic``, ``cognitive`` and ``nesting`` are those of its worst function. ``duplication``
    and ``documented`` are shares from 0 to 1; ``documented`` is None where nothing is to be
    documented. ``afferent`` files import this one, which imports ``efferent`` others of the
    repository. ``churn`` is lines changed and ``commits`` how often, in the last 90 days.
    ``problem`` says why a file could not be measured; then nothing else counts.
    """

    path: str
    language: str
    blob: str  # git's id of the content
    lines: int = 0
    lines_of_code: int = 0
    functions: int = 0
    cyclomatic: int = 0
    cognitive: int = 0
    nesting: int = 0
    duplication: float | None = None
    documented: float | None = None
    afferent: int | None = None
    efferent: int | None = None
    churn: int | None = None
    commits: int | None = None
    score: float = 0.0
    terms: ScoreTerms | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Opportunity:
    """Something that could be improved, where, why, and what it would be worth.

    ``impact`` is the expected fall of named measures in percent (``complexity_reduction``);
    ``effort_hours`` the published estimate for its type; ``priority`` = impact / risk × urgency.
    ``data`` is what a tool needs to carry it out: lines, names, the other copy.
    """

    id: str
    analysis_id: str
    tenant: str
    type: OpportunityType
    path: str
    blob: str
    description: str
    start: int
    end: int
    symbol: str
    impact: Mapping[str, float]
    risk: Risk
    risk_reason: str
    effort_hours: float
    priority: float
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Summary:
    """An analysis in a few figures."""

    total_files: int
    files_analyzed: int
    files_failed: int
    files_reused: int  # taken from an earlier analysis, as they had not changed
    avg_chaos_score: float
    high_chaos_files: int
    total_opportunities: int
    estimated_debt_hours: float
    languages: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # what was left out, and why


@dataclass(frozen=True, slots=True)
class Estimate:
    """When an analysis should be done (microseconds), and what that was reckoned from."""

    completion: int
    basis: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """An analysis and how far it is. ``commit`` is the one analysed, once it is known."""

    id: str
    tenant: str
    created_by: str
    status: Status
    asked: NewAnalysis
    created_at: int
    commit: str = ""
    branch: str = ""
    stage: str = ""
    progress: float = 0.0  # from 0 to 1, as the work itself counts it
    summary: Summary | None = None
    error: str = ""
    error_class: str = ""
    started_at: int | None = None
    ended_at: int | None = None
    trace_id: str = ""
