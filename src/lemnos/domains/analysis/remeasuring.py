"""Files that have changed since an analysis, measured as if they had been part of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping

from lemnos.domains.analysis.assessment import Assessor, Context, scored
from lemnos.domains.analysis.facts import Facts
from lemnos.domains.analysis.gathering import Gatherer
from lemnos.domains.analysis.model import Analysis, AnalysisType, FileMetrics
from lemnos.domains.analysis.ports import Analysers, Churn
from lemnos.domains.analysis.selection import Chosen
from lemnos.domains.analysis.store import AnalysisStore

_BY_MANIFEST = frozenset({"javascript", "typescript", "tsx", "go", "rust"})
_ALL = 1_000_000  # more files than an analysis has


class Remeasurer:
    """Puts changed contents in the place of those that were analysed."""

    def __init__(self, store: AnalysisStore, gatherer: Gatherer, analysers: Analysers) -> None:
        self._store = store
        self._gatherer = gatherer
        self._analysers = analysers

    async def remeasure(
        self, analysis: Analysis, changed: Mapping[str, bytes]
    ) -> dict[str, FileMetrics]:
        """Metrics of the changed files, see :meth:`AnalysisService.remeasure`.

        Where facts of the other files are no longer kept, duplication and coupling are those that
        were stored with the analysis; so is the coupling in languages whose imports are read by
        manifests, which are not at hand here.
        """
        before = {each.path: each for each in await self._files(analysis)}
        fresh = await self._measured(analysis, changed)
        others = [
            Chosen(each.path, each.blob, 0, each.language)
            for each in before.values()
            if not each.problem and each.path not in fresh
        ]
        assessor, whole = await self._assessor(analysis, others, fresh)
        duplication = analysis.asked.type is not AnalysisType.QUICK
        context = Context(churn=_churn(before), duplication=duplication)
        finished = await asyncio.to_thread(assessor.finish, context)
        after = {each.path: each for each in finished if each.path in fresh}
        return {path: _settled(each, before.get(path), whole) for path, each in after.items()}

    async def _files(self, analysis: Analysis) -> tuple[FileMetrics, ...]:
        return await self._store.files(analysis.tenant, analysis.id, _ALL, 0)

    async def _measured(
        self, analysis: Analysis, changed: Mapping[str, bytes]
    ) -> dict[str, tuple[Chosen, Facts]]:
        files, contents = [], {}
        refused: list[tuple[Chosen, Facts]] = []
        for path, content in changed.items():
            if language := self._analysers.language_of(path):
                file = Chosen(path, blob_of(content), len(content), language)
                if problem := self._analysers.refusal(path, len(content)):
                    refused.append((file, Facts(problem=problem)))
                else:
                    files.append(file)
                    contents[file.blob] = content
        made = await self._gatherer.measure_contents(analysis.tenant, files, contents)
        return {file.path: (file, facts) for file, facts in (*made, *refused)}

    async def _assessor(
        self,
        analysis: Analysis,
        others: list[Chosen],
        fresh: Mapping[str, tuple[Chosen, Facts]],
    ) -> tuple[Assessor, bool]:
        """All files together, and whether the facts of all were there."""
        assessor, whole = Assessor(), True
        async for file, facts in self._gatherer.known(analysis.tenant, others):
            whole = whole and facts is not None
            assessor.add(file, facts or Facts())
        for file, facts in fresh.values():
            assessor.add(file, facts)
        return assessor, whole


def blob_of(content: bytes) -> str:
    """git's id of a content, see "Object storage" in gitformat-loose(5)."""
    header = f"blob {len(content)}\0".encode()
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def _churn(before: Mapping[str, FileMetrics]) -> dict[str, Churn] | None:
    if all(each.churn is None for each in before.values() if not each.problem):
        return None
    return {path: Churn(each.churn or 0, each.commits or 0) for path, each in before.items()}


def _settled(after: FileMetrics, before: FileMetrics | None, whole: bool) -> FileMetrics:
    """A file with what was stored of it, where that can't be reckoned anew."""
    if before is None or after.problem or (whole and after.language not in _BY_MANIFEST):
        return after
    changed = Churn(after.churn or 0, after.commits or 0) if after.churn is not None else None
    coupled = (before.afferent or 0, before.efferent or 0)
    return scored(after, after.duplication if whole else before.duplication, coupled, changed)
