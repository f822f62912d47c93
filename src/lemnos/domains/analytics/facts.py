"""Facts of files for rankings: from what analyses have kept, or measured there and then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from lemnos.domains.analysis.facts import Facts
from lemnos.domains.analysis.gathering import (
    BATCH_BYTES,
    BATCH_FILES,
    READ_AHEAD,
    Gatherer,
    grouped,
)
from lemnos.domains.analysis.ports import Analysers, Revision, Source
from lemnos.domains.analysis.selection import Chosen
from lemnos.domains.analytics.ports import History


class KeptFacts:
    """A ``FactsReader`` over what analyses measure: each content once, for all that need it."""

    def __init__(self, gatherer: Gatherer, analysers: Analysers) -> None:
        self._gatherer = gatherer
        self.language_of = analysers.language_of
        self.refusal = analysers.refusal

    async def measured(
        self, tenant: str, revision: Revision, files: Sequence[Chosen]
    ) -> AsyncIterator[tuple[Chosen, Facts]]:
        """Those that are known, then the others."""
        missing = []
        async for file, facts in self._gatherer.known(tenant, files):
            if facts is None:
                missing.append(file)
            else:
                yield file, facts
        async for pair in self._gatherer.measured(tenant, revision, missing):
            yield pair


class FreshFacts:
    """A ``FactsReader`` that needs no database, and keeps nothing."""

    def __init__(self, history: History, analysers: Analysers) -> None:
        self._history = history
        self._analysers = analysers
        self.language_of = analysers.language_of
        self.refusal = analysers.refusal

    async def measured(
        self, tenant: str, revision: Revision, files: Sequence[Chosen]
    ) -> AsyncIterator[tuple[Chosen, Facts]]:
        """Measure files as many at once as there are analysers; ``tenant`` does not matter."""
        for some in grouped(files, READ_AHEAD, len(files)):
            contents = await self._history.read(revision, sorted({file.blob for file in some}))
            there = [file for file in some if file.blob in contents]
            batches = list(grouped(there, BATCH_BYTES, BATCH_FILES))
            sources = [[Source(f.path, f.language, contents[f.blob]) for f in b] for b in batches]
            made = await asyncio.gather(*map(self._analysers.measure, sources))
            for batch, found in zip(batches, made, strict=True):
                for pair in zip(batch, found, strict=True):
                    yield pair
