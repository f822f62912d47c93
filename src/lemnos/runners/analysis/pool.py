"""The analysers: processes that live on from file to file, one for each core."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version

from lemnos.domains.analysis.facts import Facts
from lemnos.domains.analysis.ports import Source
from lemnos.runners.analysis.languages import LANGUAGES, language_of
from lemnos.runners.analysis.measuring import MAX_BYTES, too_large
from lemnos.runners.analysis.worker import Worker

_OWN_VERSION = "1"  # to be raised when the same content would give other facts
_MOST = 8
MEMORY = 512 << 20
PATIENCE = 20.0
_IDLE = 60.0  # seconds after which a process that nobody needs goes


class AnalyserPool:
    """Implements ``lemnos.domains.analysis.ports.Analysers``.

    Processes start with the first file and go when there has been none for a minute.
    """

    def __init__(
        self, concurrency: int = 0, *, memory: int = MEMORY, patience: float = PATIENCE
    ) -> None:
        self.concurrency = concurrency or min(len(os.sched_getaffinity(0)), _MOST)
        self.version = _version()
        self._threads = ThreadPoolExecutor(self.concurrency, thread_name_prefix="analyser")
        self._workers = [Worker(memory, patience) for _ in range(self.concurrency)]
        self._free = list(self._workers)
        self._room = asyncio.Semaphore(self.concurrency)
        self._used_at = time.monotonic()

    @property
    def pids(self) -> list[int]:
        """The processes that are running."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    def language_of(self, path: str) -> str:
        """The language of a file by its name; empty for what no analyser reads."""
        return language_of(path)

    def refusal(self, path: str, size: int) -> str:
        """Why a file need not be read; empty for one that is to be measured."""
        if size > MAX_BYTES:
            return too_large(size)
        return "Its name says that it is minified." if ".min." in path else ""

    async def measure(self, sources: Sequence[Source]) -> list[Facts]:
        """Facts in the order of the sources; see the port.

        When the caller is cancelled, the process that works for it is ended at once.
        """
        async with self._room:
            worker = self._free.pop()
            loop = asyncio.get_running_loop()
            working = loop.run_in_executor(self._threads, worker.measure, sources)
            try:
                return await asyncio.shield(working)
            except asyncio.CancelledError:
                worker.stop()
                await asyncio.gather(working, return_exceptions=True)
                worker = self._replaced(worker)
                raise
            finally:
                self._used_at = time.monotonic()
                self._free.append(worker)

    async def rest(self) -> None:
        """End processes that have had nothing to do for a while; to be called now and then."""
        if time.monotonic() - self._used_at > _IDLE:
            for worker in self._free:
                await asyncio.to_thread(worker.end)

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.stop()
        self._threads.shutdown(wait=False)

    def _replaced(self, worker: Worker) -> Worker:
        fresh = Worker(worker.memory, worker.patience)
        self._workers[self._workers.index(worker)] = fresh
        return fresh


def _version() -> str:
    """What facts depend on beside the content: our own reading, and that of the libraries."""
    grammars = {language.grammar[0].replace("_", "-") for language in LANGUAGES.values()}
    names = ["lizard", "complexipy", "tree-sitter", *sorted(grammars)]
    text = " ".join([_OWN_VERSION, *(f"{name}={_installed(name)}" for name in names)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
