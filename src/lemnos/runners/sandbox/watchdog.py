"""Limits that no rlimit can hold: what all processes of a run use together.

RLIMIT_AS breaks Node and Bun, which reserve far more address space than they use; RLIMIT_NPROC
does not bind root, and the size of a folder has no rlimit at all. So one task samples all runs
of the server, and kills a sandbox that is over a limit.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lemnos.domains.agents.ports import Limits
from lemnos.runners.sandbox.port import Breach, Sandboxed

SAMPLE_SECONDS = 0.25
DISK_SHARE = 10  # a walk over a workspace is repeated after ten times as long as it took
DISK_SECONDS = 1.0
_PAGE = resource.getpagesize()


@dataclass(frozen=True, slots=True)
class Watched:
    """A run under watch, and the folders whose size counts against ``limits.disk``."""

    sandboxed: Sandboxed
    limits: Limits
    folders: tuple[Path, ...]


class Watchdog:
    """Samples the runs it was given until they end. One for the whole server."""

    def __init__(self) -> None:
        self._runs: set[asyncio.Task[None]] = set()

    def watch(self, sandboxed: Sandboxed, limits: Limits, folders: tuple[Path, ...]) -> None:
        """Hold a run to its limits from now to its end."""
        watched = Watched(sandboxed, limits, folders)
        self._keep(_hold(watched))
        if limits.disk is not None:
            self._keep(_hold_disk(watched, limits.disk))

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._runs.add(task)
        task.add_done_callback(self._runs.discard)


async def _hold(watched: Watched) -> None:
    sandboxed, limits = watched.sandboxed, watched.limits
    while not await _ends_within(sandboxed, SAMPLE_SECONDS):
        pids = sandboxed.pids()
        if len(pids) > limits.processes:
            sandboxed.kill(Breach("processes", len(pids), limits.processes))
        elif (used := private_memory(pids)) > limits.memory or sandboxed.out_of_memory():
            sandboxed.kill(Breach("memory", used, limits.memory))


async def _hold_disk(watched: Watched, allowed: int) -> None:
    loop = asyncio.get_running_loop()
    pause = DISK_SECONDS
    while not await _ends_within(watched.sandboxed, pause):
        begun = loop.time()
        used = await asyncio.to_thread(disk_usage, watched.folders)
        if used > allowed:
            watched.sandboxed.kill(Breach("disk", used, allowed))
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
        pages += int(fields[1]) - int(fields[2])
    return pages * _PAGE


def disk_usage(folders: Iterable[Path]) -> int:
    """Bytes that folders take up on disk; symbolic links are not followed."""
    used = 0
    waiting = [os.fspath(folder) for folder in folders]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    used += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:  # the agent removes and hides files while this looks
            continue
    return used


class Place(NamedTuple):
    """Where a process stands among the others."""

    parent: int
    group: int


def processes() -> dict[int, Place]:
    """Every process of the host, from proc(5), stat. Blocks for some 15 µs each."""
    table = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    stat = file.read()
            except OSError:
                continue
            _, parent, group, _ = stat.rpartition(b")")[2].split(maxsplit=3)
            table[int(name)] = Place(int(parent), int(group))
    return table


def descendants(root: int, table: Mapping[int, Place]) -> tuple[int, ...]:
    """All processes below one, nearest first."""
    children: dict[int, list[int]] = {}
    for pid, place in table.items():
        children.setdefault(place.parent, []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, ())
    return tuple(found[1:])
