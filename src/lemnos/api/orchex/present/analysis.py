"""Analyses, measured files, opportunities."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lemnos.api.orchex.envelope import Json
from lemnos.api.orchex.present.agents import rounded
from lemnos.api.orchex.wire import analysis as wire
from lemnos.domains.analysis.model import (
    Analysis,
    Estimate,
    FileMetrics,
    NewAnalysis,
    Opportunity,
    Options,
    Status,
)
from lemnos.kernel.clock import iso, iso_or_none
from lemnos.kernel.page import Page


def new_analysis(body: wire.StartAnalysis) -> NewAnalysis:
    """An analysis as the domain takes it; a URL goes before a path."""
    options = body.options
    return NewAnalysis(
        repository=body.repository_url or body.repository_path,
        branch=body.branch,
        commit=body.commit,
        type=body.analysis_type,
        options=Options(
            include_metrics=options.include_metrics,
            identify_opportunities=options.identify_opportunities,
            max_opportunities=options.max_opportunities,
            include_patterns=tuple(options.include_patterns),
            exclude_patterns=tuple(options.exclude_patterns),
        ),
        provider_key=body.provider_key,
    )


def started(analysis: Analysis, estimate: Estimate | None) -> Json:
    """The answer to a new analysis."""
    return {
        "analysis_id": analysis.id,
        "status": analysis.status.value,
        "estimated_completion": iso_or_none(estimate.completion if estimate else None),
    }


def brief(analysis: Analysis) -> Json:
    """An analysis in the history."""
    ended = analysis.ended_at
    return {
        "analysis_id": analysis.id,
        "status": analysis.status.value,
        "analysis_type": analysis.asked.type.value,
        "repository": analysis.asked.repository,
        "branch": analysis.branch or None,
        "commit": analysis.commit or None,
        "summary": msgspec.to_builtins(analysis.summary) if analysis.summary else None,
        "error": _error(analysis),
        "created_at": iso(analysis.created_at),
        "started_at": iso_or_none(analysis.started_at),
        "completed_at": iso_or_none(ended),
        "duration_ms": _duration(analysis),
    }


def page(found: Page[Analysis], limit: int, offset: int) -> Json:
    """Analyses, the newest first."""
    analyses = [brief(one) for one in found.items]
    return {"analyses": analyses, "total": found.total, "limit": limit, "offset": offset}


def details(
    analysis: Analysis, files: Sequence[FileMetrics], opportunities: Sequence[Opportunity]
) -> Json:
    """An analysis as a whole."""
    at_work = analysis.status is Status.RUNNING
    progress = {"percentage": round(analysis.progress * 100), "stage": analysis.stage}
    return {
        **brief(analysis),
        "progress": progress if at_work else None,
        "options": msgspec.to_builtins(analysis.asked.options),
        "chaos_metrics": [metrics(file) for file in files],
        "opportunities": [opportunity(one) for one in opportunities],
    }


def files(analysis_id: str, found: Sequence[FileMetrics], limit: int, offset: int) -> Json:
    """Measured files; one more than ``limit`` says that others follow."""
    return {
        "analysis_id": analysis_id,
        "files": [metrics(file) for file in found[:limit]],
        "limit": limit,
        "offset": offset,
        "next_offset": offset + limit if len(found) > limit else None,
    }


def metrics(file: FileMetrics) -> Json:
    """One file as it was measured."""
    return {
        "file_path": file.path,
        "language": file.language,
        "total_score": round(file.score, 2),
        "terms": _terms(file),
        "complexity": {
            "cyclomatic": file.cyclomatic,
            "cognitive": file.cognitive,
            "nesting": file.nesting,
        },
        "duplication": {"percentage": rounded(file.duplication, 4)},
        "coupling": {"afferent": file.afferent, "efferent": file.efferent},
        "size": {
            "lines": file.lines,
            "lines_of_code": file.lines_of_code,
            "functions": file.functions,
        },
        "documentation": {"share": rounded(file.documented, 4)},
        "churn": {"lines_changed": file.churn, "commits": file.commits},
        "problem": file.problem or None,
    }


def opportunity(one: Opportunity) -> Json:
    """Something that could be improved."""
    return {
        "opportunity_id": one.id,
        "type": one.type.value,
        "file_path": one.path,
        "location": {
            "start_line": one.start,
            "end_line": one.end,
            "symbol": one.symbol or None,
        },
        "description": one.description,
        "impact": dict(one.impact),
        "risk": {"level": one.risk.value, "reason": one.risk_reason},
        "effort_hours": one.effort_hours,
        "priority": round(one.priority, 2),
    }


def _terms(file: FileMetrics) -> Json | None:
    if file.terms is None:
        return None
    terms: dict[str, float | None] = msgspec.to_builtins(file.terms)
    return {name: rounded(value, 2) for name, value in terms.items()}


def _duration(analysis: Analysis) -> int | None:
    if analysis.started_at is None or analysis.ended_at is None:
        return None
    return (analysis.ended_at - analysis.started_at) // 1000


def _error(analysis: Analysis) -> Json | None:
    if not analysis.error:
        return None
    return {"code": analysis.error_class or "unknown", "message": analysis.error}
