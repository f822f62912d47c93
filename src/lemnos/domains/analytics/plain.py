"""Rankings and hotspots as plain data, in the words of the Hephaestus document.

The API answers with it and the CLI prints it: one shape everywhere.
"""

from __future__ import annotations

from typing import Any

from lemnos.domains.analytics.model import (
    Coupled,
    Hotspot,
    Hotspots,
    Measured,
    Owner,
    Ranking,
    Rankings,
)
from lemnos.kernel import clock

_DIGITS = 4


def plain_rankings(found: Rankings) -> dict[str, Any]:
    """``{rankings: [{path, score, metrics, terms}], strategy, commit, days, files, warnings}``."""
    return {
        "rankings": [plain_ranking(each) for each in found.rankings],
        "strategy": found.strategy.value,
        "commit": found.commit,
        "days": found.days,
        "files": found.files,
        "warnings": list(found.warnings),
    }


def plain_ranking(ranking: Ranking) -> dict[str, Any]:
    """One of them. ``terms`` sum up to ``score``."""
    assumed = ranking.assumed_coverage
    return {
        "path": ranking.measured.path,
        "score": round(ranking.score, _DIGITS),
        "metrics": {
            **plain_measured(ranking.measured),
            "assumed_coverage": None if assumed is None else round(assumed, _DIGITS),
        },
        "terms": {name: round(value, _DIGITS) for name, value in ranking.terms.items()},
    }


def plain_hotspots(found: Hotspots) -> dict[str, Any]:
    """``{hotspots: […], commit, days, files, commits, warnings}``."""
    return {
        "hotspots": [plain_hotspot(each) for each in found.hotspots],
        "commit": found.commit,
        "days": found.days,
        "files": found.files,
        "commits": found.commits,
        "warnings": list(found.warnings),
    }


def plain_hotspot(hotspot: Hotspot) -> dict[str, Any]:
    """``{path, score, metrics, authors, owners, fragmentation, coupling}``."""
    return {
        "path": hotspot.measured.path,
        "score": round(hotspot.score, _DIGITS),
        "metrics": plain_measured(hotspot.measured),
        "authors": hotspot.authors,
        "owners": [_owner(each) for each in hotspot.owners],
        "fragmentation": round(hotspot.fragmentation, _DIGITS),
        "coupling": [_coupled(each) for each in hotspot.coupling],
    }


def plain_measured(measured: Measured) -> dict[str, Any]:
    """What was measured; null for what nobody has."""
    coverage = measured.coverage
    ratio = coverage.ratio if coverage is not None else None
    return {
        "churn": measured.churn,
        "revisions": measured.revisions,
        "coverage": None if ratio is None else round(ratio, _DIGITS),
        "covered_lines": None if coverage is None else coverage.covered,
        "coverable_lines": None if coverage is None else coverage.total,
        "complexity": measured.complexity,
        "lines": measured.lines,
    }


def _owner(owner: Owner) -> dict[str, Any]:
    return {
        "name": owner.name,
        "share": round(owner.share, _DIGITS),
        "commits": owner.commits,
        "last_at": clock.iso(owner.last_at),
    }


def _coupled(coupled: Coupled) -> dict[str, Any]:
    return {
        "path": coupled.path,
        "degree": round(coupled.degree, _DIGITS),
        "shared": coupled.shared,
    }
