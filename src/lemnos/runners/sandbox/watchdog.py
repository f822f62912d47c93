"""Limits that no rlimit can hold: what all processes of a run use together.

RLIMIT_AS breaks Node and Bun, which reserve far more address space than they use; RLIMIT_NPROC
does not bind root, and the size of a folder has no rlimit at all. So one task samples all runs
of the server, and kills a sandbox that is over a limit.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Coroutine, Iterable
from pathlib import Path

from lemnos.domains.agents.ports import Limits
from lemnos.platform import folders as disk
from lemnos.runners.sandbox.port import Breach, Sandboxed
from lemnos.runners.sandbox.proc import Processes, processes

SAMPLE_SECONDS = 0.25
DISK_SHARE = 10  # a walk over a workspace is repeated after ten times as long as it took
DISK_SECONDS = 1.0
_PAGE = resource.getpagesize()


class Watchdog:
    """Samples the runs it was given until they end. One for the whole server.

    Looking through /proc costs some milliseconds on a busy machine: one look serves all runs.
    """

    def __init__(self) -> None:
        self._runs: dict[Sandboxed, Limits] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sampling: asyncio.Task[None] | None = None

    def watch(self, sandboxed: Sandboxed, limits: Limits, folders: tuple[Path, ...]) -> None:
        """Hold a run to its limits from now to its end; ``folders`` count as its disk space."""
        self._runs[sandboxed] = limits
        if self._sampling is None or self._sampling.done():
            self._sampling = self._keep(self._sample())
        if limits.disk is not None:
            self._keep(_hold_disk(sandboxed, folders, limits.disk))

    def _keep(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _sample(self) -> None:
        while self._runs:
            await asyncio.sleep(SAMPLE_SECONDS)
            table = processes()
            for sandboxed, limits in list(self._runs.items()):
                if sandboxed.process.exit is not None:
                    del self._runs[sandboxed]
                else:
                    _hold(sandboxed, limits, table)


def _hold(sandboxed: Sandboxed, limits: Limits, table: Processes) -> None:
    pids = sandboxed.pids(table)
    if len(pids) > limits.processes:
        sandboxed.kill(Breach("processes", len(pids), limits.processes))
    elif (used := private_memory(pids)) > limits.memory or sandboxed.out_of_memory():
        sandboxed.kill(Breach("memory", used, limits.memory))


async def _hold_disk(sandboxed: Sandboxed, folders: tuple[Path, ...], allowed: int) -> None:
    loop = asyncio.get_running_loop()
    pause = DISK_SECONDS
    while not await _ends_within(sandboxed, pause):
        begun = loop.time()
        usage = await asyncio.to_thread(disk.usage_of, folders)
        if usage.bytes > allowed:
            sandboxed.kill(Breach("disk", usage.bytes, allowed))
        elif not usage.whole:
            sandboxed.kill(Breach("depth", disk.DEEPEST, disk.DEEPEST))
        pause = max(DISK_SECONDS, DISK_SHARE * (loop.time() - begun))


async def _ends_within(sandboxed: Sandboxed, seconds: float) -> bool:
    try:
        await asyncio.wait_for(sandboxed.process.wait(), seconds)
    except TimeoutError:
        return False
    return True


def private_memory(pids: Iterable[int]) -> int:
    """Bytes that the processes hold for themselves: resident less file-backed and shared pages.

    From proc(5), statm. Shared pages would count a 200 MB executable once for each process.
    """
    pages = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/statm").read_bytes().split()
        except OSError:
            continue
        if len(fields) > 2:
            pages += int(fields[1]) - int(fields[2])
    return pages * _PAGE
