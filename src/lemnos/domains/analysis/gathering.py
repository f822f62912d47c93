"""Facts of many files: those that are known are read, the others measured and then kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from lemnos.domains.analysis.facts import Facts
from lemnos.domains.analysis.facts_store import FactsStore
from lemnos.domains.analysis.ports import Analysers, Repositories, Revision, Source
from lemnos.domains.analysis.selection import Chosen
from lemnos.kernel import clock
from lemnos.platform.db import Database

_LOOKED_UP = 1000  # files whose facts are looked up, and held, at once
BATCH_FILES = 48
BATCH_BYTES = 2 << 20  # a batch ends with the file that goes over it
READ_AHEAD = 8 << 20  # bytes of sources that are held at once, beside the last file of each read


class Gatherer:
    """Brings together the facts of a revision's files."""

    def __init__(
        self, db: Database, store: FactsStore, repositories: Repositories, analysers: Analysers
    ) -> None:
        self._db = db
        self._store = store
        self._repositories = repositories
        self._analysers = analysers

    def key(self, file: Chosen) -> str:
        """What facts of a content are kept under."""
        return f"{file.blob}:{file.language}:{self._analysers.version}"

    async def known(
        self, tenant: str, files: Sequence[Chosen], since: int = 0
    ) -> AsyncIterator[tuple[Chosen, Facts | None]]:
        """Each file with its facts, if they are kept and were made at or after ``since``."""
        for start in range(0, len(files), _LOOKED_UP):
            some = files[start : start + _LOOKED_UP]
            keys = [self.key(file) for file in some]
            found = await self._store.get(tenant, keys, since)
            await self._touch(tenant, list(found))
            for file, key in zip(some, keys, strict=True):
                yield file, found.get(key)

    async def measured(
        self, tenant: str, revision: Revision, files: Sequence[Chosen]
    ) -> AsyncIterator[tuple[Chosen, Facts]]:
        """Measure files as they come free of the analysers, and keep their facts."""
        for some in grouped(files, READ_AHEAD, len(files)):
            contents = await self._repositories.read(revision, sorted({f.blob for f in some}))
            batches = list(grouped(some, BATCH_BYTES, BATCH_FILES))
            working = {asyncio.ensure_future(self._batch(tenant, b, contents)) for b in batches}
            try:
                for done in asyncio.as_completed(working):
                    for pair in await done:
                        yield pair
            finally:
                for task in working:
                    task.cancel()
                await asyncio.gather(*working, return_exceptions=True)

    async def measure_contents(
        self, tenant: str, files: Sequence[Chosen], contents: Mapping[str, bytes]
    ) -> list[tuple[Chosen, Facts]]:
        """Measure files whose contents are at hand, by their blob, and keep their facts."""
        return await self._batch(tenant, files, contents)

    async def _batch(
        self, tenant: str, files: Sequence[Chosen], contents: Mapping[str, bytes]
    ) -> list[tuple[Chosen, Facts]]:
        there = [file for file in files if file.blob in contents]
        sources = [Source(each.path, each.language, contents[each.blob]) for each in there]
        made = list(zip(there, await self._analysers.measure(sources), strict=True))
        facts = {self.key(file): each for file, each in made}
        await self._db.write(
            lambda tx: self._store.put(tx, tenant, facts, clock.now()), retry_safe=True
        )
        gone = Facts(problem="Its content is not in the repository.")
        return [*made, *((file, gone) for file in files if file.blob not in contents)]

    async def _touch(self, tenant: str, keys: Sequence[str]) -> None:
        now = clock.now()
        await self._db.write(lambda tx: self._store.used(tx, tenant, keys, now), retry_safe=True)


def grouped(files: Sequence[Chosen], size: int, count: int) -> Iterator[list[Chosen]]:
    """The files in order, in groups that end when they have so many bytes or files."""
    group: list[Chosen] = []
    held = 0
    for file in files:
        group.append(file)
        held += file.size
        if held >= size or len(group) >= count:
            yield group
            group, held = [], 0
    if group:
        yield group
