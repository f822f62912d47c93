"""Use cases of analyses. Those that change something run in the caller's transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from lemnos.domains.analysis import problems
from lemnos.domains.analysis.model import (
    MAX_OPPORTUNITIES,
    Analysis,
    Estimate,
    FileMetrics,
    NewAnalysis,
    Opportunity,
    Status,
)
from lemnos.domains.analysis.patterns import Patterns
from lemnos.domains.analysis.ports import Analysers, Repositories, Source
from lemnos.domains.analysis.remeasuring import Remeasurer
from lemnos.domains.analysis.store import AnalysisStore
from lemnos.domains.integrations.service import KeyService
from lemnos.domains.tasks.ports import AddressPolicy
from lemnos.domains.workspaces.ports import Remote
from lemnos.engine import Engine, Job
from lemnos.kernel import clock, ids
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Invalid, NotFound, Unavailable
from lemnos.kernel.page import Page
from lemnos.platform.db import Tx

ANALYSE = "analysis.run"
_LOOK = 10.0  # seconds that a caller waits to learn that a commit is not there


class AnalysisService:
    """Draft, start, follow and read analyses, and measure changed files against one."""

    def __init__(
        self,
        store: AnalysisStore,
        engine: Engine,
        repositories: Repositories,
        keys: KeyService,
        policy: AddressPolicy,
        analysers: Analysers,
        remeasurer: Remeasurer,
    ) -> None:
        self._store = store
        self._engine = engine
        self._repositories = repositories
        self._keys = keys
        self._policy = policy
        self._analysers = analysers
        self._remeasurer = remeasurer

    async def draft(self, ctx: Context, asked: NewAnalysis) -> Analysis:
        """Check what is asked for and make an analysis of it, not stored yet.

        Raises ``Invalid`` with the field and one of the codes ``not_a_repository``,
        ``empty_repository``, ``unknown_branch``, ``unknown_commit``. A commit of a repository
        that takes long to fetch is looked for by the analysis itself.
        """
        self._check(asked)
        with problems.explained():
            remote = await self.remote(ctx.tenant, asked)
            await self._repositories.check(remote, asked.branch)
            if asked.commit:
                await self._look_for(remote, asked)
        return Analysis(
            id=ids.new_id("analysis"),
            tenant=ctx.tenant,
            created_by=ctx.principal.subject,
            status=Status.RUNNING,
            asked=asked,
            created_at=clock.now(),
            branch=asked.branch,
            stage="queued",
            trace_id=ctx.trace_id or ids.new_trace_id(),
        )

    async def start(self, tx: Tx, ctx: Context, analysis: Analysis) -> Analysis:
        """Store a drafted analysis; its work begins once this is durable."""
        self._store.add(tx, analysis)
        payload = {"analysis_id": analysis.id, "trace_id": analysis.trace_id}
        await self._engine.enqueue(tx, Job(analysis.id, ANALYSE, ctx.tenant, payload))
        return analysis

    async def get(self, ctx: Context, analysis_id: str) -> Analysis:
        """An analysis of the caller's tenant. ``NotFound`` with code ``analysis_not_found``."""
        found = await self._store.get(ctx.tenant, analysis_id)
        if found is None:
            message = f"There is no analysis {analysis_id}."
            raise NotFound(message, code="analysis_not_found")
        return found

    async def page(
        self,
        ctx: Context,
        *,
        repository: str = "",
        status: str = "",
        since: int | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> Page[Analysis]:
        """The tenant's analyses, the newest first, with their total, counted up to 10,000."""
        return await self._store.page(
            ctx.tenant,
            repository=repository,
            status=status,
            since=since,
            limit=limit,
            offset=offset,
        )

    async def files(
        self, ctx: Context, analysis_id: str, *, limit: int = 100, offset: int = 0
    ) -> tuple[FileMetrics, ...]:
        """The measured files of an analysis, the worst first and those with a problem last."""
        return await self._store.files(ctx.tenant, analysis_id, limit, offset)

    async def opportunities(self, ctx: Context, analysis_id: str) -> tuple[Opportunity, ...]:
        """What the analysis found, the best first."""
        return await self._store.opportunities(ctx.tenant, analysis_id)

    async def opportunity(self, ctx: Context, opportunity_id: str) -> Opportunity:
        """One of them. ``NotFound`` with code ``opportunity_not_found``."""
        found = await self._store.opportunity(ctx.tenant, opportunity_id)
        if found is None:
            message = f"There is no opportunity {opportunity_id}."
            raise NotFound(message, code="opportunity_not_found")
        return found

    async def remeasure(
        self, ctx: Context, analysis_id: str, changed: Mapping[str, bytes]
    ) -> Mapping[str, FileMetrics]:
        """Measure changed files by the same analysers, as if the rest were as it was analysed.

        ``changed`` is path → new content; new files are welcome. Duplication and coupling are
        reckoned anew against all files of the analysis. A file in no known language is left out
        of the answer.
        """
        analysis = await self.get(ctx, analysis_id)
        return await self._remeasurer.remeasure(analysis, changed)

    async def estimate(self, ctx: Context, analysis: Analysis) -> Estimate | None:
        """When an analysis that is not done should be; None when nothing tells.

        From its own progress once that says something, else from how long analyses of this
        repository, or else of this tenant, have taken.
        """
        if analysis.status is Status.RUNNING and analysis.started_at and analysis.progress >= 0.05:
            elapsed = clock.now() - analysis.started_at
            end = analysis.started_at + round(elapsed / analysis.progress)
            return Estimate(max(end, clock.now()), "progress")
        seen = await self._store.durations(ctx.tenant, analysis.asked)
        if not seen.durations:
            return None
        begun = analysis.started_at or clock.now()
        usual = sorted(seen.durations)[len(seen.durations) // 2]
        return Estimate(max(begun + usual, clock.now()), seen.basis)

    async def remote(self, tenant: str, asked: NewAnalysis) -> Remote:
        """The repository, with the token of the key that was named for it."""
        if not asked.provider_key:
            return Remote(asked.repository, scope=tenant)
        _, token = await self._keys.open(tenant, asked.provider_key, asked.repository)
        return Remote(asked.repository, token, scope=tenant)

    async def probe(self) -> None:
        """Measure a line of code, to tell whether the analysers work; ``Unavailable`` if not."""
        (facts,) = await self._analysers.measure([Source("probe.py", "python", b"x = 1\n")])
        if facts.problem:
            raise Unavailable(facts.problem, code="analyser_unavailable")

    def _check(self, asked: NewAnalysis) -> None:
        self._policy.check_repository(asked.repository, field="repository")
        if asked.commit and not problems.COMMIT.fullmatch(asked.commit):
            raise problems.unknown_commit("A commit is 7 to 64 hexadecimal digits.")
        if not 0 <= asked.options.max_opportunities <= MAX_OPPORTUNITIES:
            text = f"must be from 0 to {MAX_OPPORTUNITIES}"
            field = "options.max_opportunities"
            raise Invalid(f"{field} {text}.", fields={field: text})
        Patterns(asked.options.include_patterns, field="options.include_patterns")
        Patterns(asked.options.exclude_patterns, field="options.exclude_patterns")

    async def _look_for(self, remote: Remote, asked: NewAnalysis) -> None:
        try:
            async with asyncio.timeout(_LOOK):
                await self._repositories.open(remote, asked.branch, asked.commit)
        except TimeoutError:
            return  # a long fetch is the job's affair
