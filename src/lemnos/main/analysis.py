"""Analyses of repositories, put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lemnos.adapters.git.objects import GitObjects
from lemnos.adapters.net.policy import GuardPolicy
from lemnos.domains.analysis.facts_store import FactsStore
from lemnos.domains.analysis.gathering import Gatherer
from lemnos.domains.analysis.jobs import AnalysisJob
from lemnos.domains.analysis.model import Analysis
from lemnos.domains.analysis.remeasuring import Remeasurer
from lemnos.domains.analysis.service import AnalysisService
from lemnos.domains.analysis.store import AnalysisStore
from lemnos.domains.integrations.service import KeyService
from lemnos.domains.workspaces.ports import Remote
from lemnos.foundation import Platform
from lemnos.kernel import clock
from lemnos.kernel.clock import SECOND
from lemnos.runners.analysis.pool import AnalyserPool
from lemnos.settings import Settings

_FACTS_UNUSED = 30 * 86_400 * SECOND  # facts go that nobody has used for so long
_FACTS_LIMIT = 2 << 30  # bytes of all facts together; the longest unused go first
_HOURLY, _MINUTELY = 3600.0, 60.0


@dataclass(frozen=True, slots=True)
class Analyses:
    """The use cases and the job, what to do now and then, and what to close at the end."""

    service: AnalysisService
    job: AnalysisJob
    analysers: AnalyserPool
    gatherer: Gatherer
    upkeep: tuple[tuple[float, Callable[[], Awaitable[object]]], ...]
    closing: tuple[Callable[[], None], ...]


def make_analyses(settings: Settings, platform: Platform, keys: KeyService) -> Analyses:
    """Repositories are read from the mirrors that tasks use, in the same folder."""
    objects = GitObjects(settings.data_dir / "mirrors", platform.guard)
    analysers = AnalyserPool()
    store, facts = AnalysisStore(platform.db), FactsStore(platform.db)
    gatherer = Gatherer(platform.db, facts, objects, analysers)
    service = AnalysisService(
        store,
        platform.engine,
        objects,
        keys,
        GuardPolicy(platform.guard),
        analysers,
        Remeasurer(store, gatherer, analysers),
    )

    async def remote(analysis: Analysis) -> Remote:
        return await service.remote(analysis.tenant, analysis.asked)

    job = AnalysisJob(platform.db, store, objects, analysers, gatherer, platform.announcer, remote)

    async def forget_facts() -> int:
        return await facts.prune(clock.now() - _FACTS_UNUSED, _FACTS_LIMIT)

    upkeep = ((_HOURLY, forget_facts), (_MINUTELY, analysers.rest))
    return Analyses(service, job, analysers, gatherer, upkeep, (analysers.close, objects.close))
