"""The durable work of analyses: find the commit, measure its files, put them together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from lemnos.domains.analysis import problems
from lemnos.domains.analysis.assessment import Assessor, Context, worst_first
from lemnos.domains.analysis.facts import Facts
from lemnos.domains.analysis.gathering import Gatherer
from lemnos.domains.analysis.model import Analysis, AnalysisType, FileMetrics, Status, Summary
from lemnos.domains.analysis.opportunities import Ranking, rank
from lemnos.domains.analysis.ports import Analysers, Churn, Repositories, Revision
from lemnos.domains.analysis.score import HIGH_CHAOS
from lemnos.domains.analysis.selection import Chosen, Selection, select
from lemnos.domains.analysis.store import AnalysisStore
from lemnos.domains.workspaces.ports import Remote
from lemnos.engine import Job, Steps
from lemnos.kernel import clock
from lemnos.kernel.clock import SECOND
from lemnos.kernel.errors import LemnosError, Unavailable
from lemnos.platform.db import Database, Tx
from lemnos.platform.webhooks.port import Announcer, Event

_HISTORY = 90 * 86_400 * SECOND  # churn looks so far back
_TELL = 0.5  # seconds between two notes of the progress
# Shares of the whole by which progress counts: measuring files takes by far the longest.
_FETCHED, _MEASURED, _ASSESSED = 0.05, 0.90, 0.98

FindRemote = Callable[[Analysis], Awaitable[Remote]]


@dataclass(slots=True)
class _Work:
    """An analysis under way."""

    steps: Steps
    analysis: Analysis
    revision: Revision
    assessor: Assessor = field(default_factory=Assessor)
    selection: Selection | None = None
    reused: int = 0
    done: int = 0
    told: float = 0.0


class AnalysisJob:
    """Carries out an analysis; after a crash it goes on with what was measured before."""

    def __init__(
        self,
        db: Database,
        store: AnalysisStore,
        repositories: Repositories,
        analysers: Analysers,
        gatherer: Gatherer,
        announcer: Announcer,
        find_remote: FindRemote,
    ) -> None:
        self._db = db
        self._store = store
        self._repositories = repositories
        self._analysers = analysers
        self._gatherer = gatherer
        self._announcer = announcer
        self._find_remote = find_remote

    async def __call__(self, steps: Steps) -> None:
        """Carry out the analysis that the job names."""
        try:
            await steps.run("begin", lambda: self._begin(steps))
            opened: list[Revision] = []
            commit, branch = await steps.run("commit", lambda: self._commit(steps, opened))
            await steps.run("analyse", lambda: self._analyse(steps, commit, branch, opened))
        except Unavailable:
            raise  # passes by itself: the engine tries again
        except LemnosError as error:
            message, code = error.message, error.code
            await steps.run("fail", lambda: self._fail(steps, message, code))

    async def failed(self, tx: Tx, job: Job, error: str) -> None:
        """The engine has given up: the analysis must not be stuck."""
        analysis = await self._store.get(job.tenant, job.payload["analysis_id"], tx)
        if analysis is not None and analysis.status is Status.RUNNING:
            await self._end_failed(tx, analysis, error, "internal")

    async def _begin(self, steps: Steps) -> bool:
        analysis = await self._found(steps)
        if analysis.started_at is None:
            await self._change(steps, analysis, stage="fetching", started_at=clock.now())
        return True

    async def _commit(self, steps: Steps, opened: list[Revision]) -> list[str]:
        """The commit is settled once: a branch may move while the analysis goes on."""
        analysis = await self._found(steps)
        revision = await self._open(analysis, analysis.asked.branch, analysis.asked.commit)
        opened.append(revision)
        await self._change(
            steps,
            analysis,
            commit_id=revision.commit,
            branch=revision.branch,
            progress=_FETCHED,
            stage="measuring",
        )
        return [revision.commit, revision.branch]

    async def _open(self, analysis: Analysis, branch: str, commit: str) -> Revision:
        with problems.explained():
            remote = await self._find_remote(analysis)
            return await self._repositories.open(remote, branch, commit)

    async def _analyse(
        self, steps: Steps, commit: str, branch: str, opened: list[Revision]
    ) -> bool:
        analysis = await self._found(steps)
        # The step before may have run earlier, on a node that is gone.
        revision = opened[0] if opened else await self._open(analysis, branch, commit)
        work = _Work(steps, analysis, revision)
        listing = await self._repositories.files(revision)
        options = analysis.asked.options
        selection = await asyncio.to_thread(select, listing, options, self._analysers)
        del listing  # a million entries are not needed any longer
        work.selection = selection
        await self._gather(work, selection)
        await self._tell(work, "assessing", _MEASURED)
        context = await self._context(analysis, revision, selection)
        files, ranking = await asyncio.to_thread(_assessed, work, context)
        await self._tell(work, "storing", _ASSESSED)
        await self._end(work, files, ranking)
        return True

    async def _gather(self, work: _Work, selection: Selection) -> None:
        """Facts of all files: those that may be reused, then those that are measured.

        A full analysis reuses only what it has measured itself before it was cut off.
        """
        analysis = work.analysis
        full = analysis.asked.type is AnalysisType.FULL
        since = analysis.created_at if full else 0
        missing: list[Chosen] = []
        async for file, facts in self._gatherer.known(analysis.tenant, selection.files, since):
            if facts is None:
                missing.append(file)
            else:
                work.reused += not full
                await self._take(work, file, facts)
        measured = self._gatherer.measured(analysis.tenant, work.revision, missing)
        async for file, made in measured:
            await self._take(work, file, made)

    async def _take(self, work: _Work, file: Chosen, facts: Facts) -> None:
        work.assessor.add(file, facts)
        work.done += 1
        if time.monotonic() - work.told >= _TELL:
            assert work.selection is not None
            share = work.done / max(len(work.selection.files), 1)
            await self._tell(work, "measuring", _FETCHED + (_MEASURED - _FETCHED) * share)

    async def _tell(self, work: _Work, stage: str, progress: float) -> None:
        work.told = time.monotonic()
        await self._change(work.steps, work.analysis, stage=stage, progress=round(progress, 4))

    async def _context(
        self, analysis: Analysis, revision: Revision, selection: Selection
    ) -> Context:
        quick = analysis.asked.type is AnalysisType.QUICK
        blobs = sorted({entry.blob for entry in selection.manifests})
        contents = await self._repositories.read(revision, blobs)
        manifests = {
            entry.path: contents[entry.blob]
            for entry in selection.manifests
            if entry.blob in contents
        }
        churn: dict[str, Churn] | None = None
        if not quick:
            since = analysis.created_at - _HISTORY
            churn = dict(await self._repositories.churn(revision, since))
        return Context(manifests, churn, duplication=not quick)

    async def _end(self, work: _Work, files: tuple[FileMetrics, ...], ranking: Ranking) -> None:
        assert work.selection is not None
        summary = _summary(work.selection, files, ranking, work.reused)
        ordered = worst_first(files)

        async def body(tx: Tx) -> None:
            await work.steps.fence(tx)
            analysis = work.analysis
            await self._store.put_results(tx, analysis, ordered, ranking.best)
            await self._store.change(
                tx,
                analysis,
                status=Status.COMPLETED,
                stage="completed",
                progress=1.0,
                summary=summary,
                ended_at=clock.now(),
            )
            await self._announcer.announce(
                tx, analysis.tenant, Event.ANALYSIS_COMPLETED, _announced(analysis, summary)
            )

        await self._db.write(body, retry_safe=True)

    async def _fail(self, steps: Steps, error: str, error_class: str) -> bool:
        async def body(tx: Tx) -> None:
            await steps.fence(tx)
            analysis = await self._store.get(steps.job.tenant, steps.job.payload["analysis_id"], tx)
            if analysis is not None:
                await self._end_failed(tx, analysis, error, error_class)

        await self._db.write(body, retry_safe=True)
        return True

    async def _end_failed(self, tx: Tx, analysis: Analysis, error: str, error_class: str) -> None:
        await self._store.change(
            tx,
            analysis,
            status=Status.FAILED,
            stage="failed",
            error=error,
            error_class=error_class,
            ended_at=clock.now(),
        )

    async def _found(self, steps: Steps) -> Analysis:
        found = await self._store.get(steps.job.tenant, steps.job.payload["analysis_id"])
        if found is None:
            raise LemnosError("The analysis of this job does not exist.", code="analysis_not_found")
        return found

    async def _change(self, steps: Steps, analysis: Analysis, **values: Any) -> None:
        async def body(tx: Tx) -> None:
            await steps.fence(tx)
            await self._store.change(tx, analysis, **values)

        await self._db.write(body, retry_safe=True)


def _assessed(work: _Work, context: Context) -> tuple[tuple[FileMetrics, ...], Ranking]:
    """On a thread: it takes as long as there are files."""
    assert work.selection is not None
    files = (*work.assessor.finish(context), *work.selection.refused)
    if not work.analysis.asked.options.identify_opportunities:
        return files, Ranking((), 0, 0.0)
    return files, rank(work.assessor, work.analysis)


def _summary(
    selection: Selection, files: tuple[FileMetrics, ...], ranking: Ranking, reused: int
) -> Summary:
    good = [each for each in files if not each.problem]
    languages: dict[str, int] = {}
    for each in files:
        languages[each.language] = languages.get(each.language, 0) + 1
    return Summary(
        total_files=selection.total,
        files_analyzed=len(good),
        files_failed=len(files) - len(good),
        files_reused=reused,
        avg_chaos_score=round(sum(each.score for each in good) / len(good), 2) if good else 0.0,
        high_chaos_files=sum(each.score >= HIGH_CHAOS for each in good),
        total_opportunities=ranking.total,
        estimated_debt_hours=ranking.debt_hours,
        languages=languages,
        notes=selection.notes,
    )


def _announced(analysis: Analysis, summary: Summary) -> dict[str, object]:
    return {
        "analysis_id": analysis.id,
        "repository": analysis.asked.repository,
        "summary": msgspec.to_builtins(summary),
        "opportunities_count": summary.total_opportunities,
    }
