"""Rankings and hotspots, put together: within a server, and for the command line alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lemnos.adapters.git.history import GitHistory
from lemnos.domains.analytics.facts import FreshFacts, KeptFacts
from lemnos.domains.analytics.measuring import Measurer
from lemnos.domains.analytics.ports import Opened
from lemnos.domains.analytics.service import AnalyticsService
from lemnos.domains.analytics.store import MeasurementStore
from lemnos.domains.workspaces.places import Places
from lemnos.foundation import Platform
from lemnos.main.analysis import Analyses
from lemnos.main.tasks import Tasks
from lemnos.runners.analysis.pool import AnalyserPool
from lemnos.runners.coverage.reader import CoverageReader


@dataclass(frozen=True, slots=True)
class Analytics:
    """The use cases, and what to close at the end."""

    service: AnalyticsService
    closing: tuple[Callable[[], None], ...]


def make_analytics(
    platform: Platform, analyses: Analyses, tasks: Tasks, places: Places
) -> Analytics:
    """The use cases; what files are like is kept together with what analyses have measured."""
    history = GitHistory()
    facts = KeptFacts(analyses.gatherer, analyses.analysers)
    service = AnalyticsService(
        platform.db,
        MeasurementStore(platform.db),
        Measurer(history, facts, CoverageReader()),
        history,
        places,
        tasks.places,
        tasks.service.get,
    )
    return Analytics(service, (history.close,))


@asynccontextmanager
async def opened_alone(folder: Path) -> AsyncIterator[tuple[Measurer, Opened]]:
    """A repository and what ranks its files, without a server: everything is measured anew.

    Whoever runs this could read the files all the same, so no folder is refused.
    """
    history, analysers = GitHistory(), AnalyserPool()
    try:
        async with history.open(folder, lambda _: True) as opened:
            measurer = Measurer(history, FreshFacts(history, analysers), CoverageReader())
            yield measurer, opened
    finally:
        analysers.close()
        history.close()
