"""Programs without namespaces: a process group and rlimits, where bubblewrap can't run."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Literal

from lemnos.platform.leftovers import mark
from lemnos.runners.process import Process, start_ticks
from lemnos.runners.sandbox.cgroup import Cgroup, Cgroups
from lemnos.runners.sandbox.entry_command import entry_command
from lemnos.runners.sandbox.port import Launch, Sandboxed
from lemnos.runners.sandbox.proc import (
    Place,
    Processes,
    descendants,
    is_zombie,
    processes,
)
from lemnos.runners.sandbox.watchdog import Watchdog

COOKIE = "LEMNOS_RUN"


class PlainSandbox:
    """Holds the limits, and hides nothing: the agent can do whatever the server's user can."""

    name: Literal["bubblewrap", "plain"] = "plain"
    isolated = False

    def __init__(self, watchdog: Watchdog, cgroups: Cgroups, reason: str) -> None:
        self._watchdog = watchdog
        self._cgroups = cgroups
        self.warning = (
            "This agent runs without a sandbox: it can read what the server's user can read and "
            f"reach the network. Reason: {reason}"
        )

    async def start(self, launch: Launch) -> Sandboxed:
        """Start the program in a process group of its own. Raises OSError when it can't."""
        group = self._cgroups.make(launch.limits)
        command = entry_command(launch.argv, launch.limits, other_threads=_own_threads())
        try:
            process = Process.spawn(
                [*group.join(), *command],
                env={**launch.env, **mark(), COOKIE: launch.run_id},
                cwd=launch.workspace,
            )
        except OSError:
            await group.remove()
            raise
        sandboxed = Sandboxed(process, _Family(process, launch.run_id, group), launch.limits)
        self._watchdog.watch(sandboxed, launch.limits, (launch.workspace, launch.home))
        return sandboxed


class _Family:
    """The processes that descend from one, also those that left its group and its tree.

    What makes itself a daemon (setsid, double fork) is found by a variable in its environment.
    """

    def __init__(self, process: Process, run_id: str, group: Cgroup) -> None:
        self._root = process.pid
        self._started_ticks = process.started_ticks
        self._group = group
        self._cookie = f"{COOKIE}={run_id}".encode()

    def pids(self, table: Processes) -> tuple[int, ...]:
        return tuple(pid for pid in self._members(table) if pid != self._root)

    def kill(self) -> None:
        # By group, which the kernel does in one go: a fork bomb outruns a kill by pid. What is
        # born in a group of its own between the look and the kill is found by the next look.
        if start_ticks(self._root) == self._started_ticks:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._root, signal.SIGKILL)
        while members := self._members(processes()):
            for group in {place.group for place in members.values()}:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)

    def out_of_memory(self) -> bool:
        return self._group.out_of_memory()

    async def release(self) -> None:
        await self._group.remove()

    def _members(self, table: Processes) -> dict[int, Place]:
        tree = (self._root, *descendants(self._root, table))
        found = {pid: table[pid] for pid in tree if pid in table and not is_zombie(pid)}
        found |= {pid: its for pid, its in table.items() if self._carries_cookie(pid)}
        return found

    def _carries_cookie(self, pid: int) -> bool:
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                return self._cookie in file.read().split(b"\0")
        except OSError:
            return False


def _own_threads() -> int:
    """How many threads the server's user has at this moment."""
    count, user = 0, os.geteuid()
    for pid in processes():
        with contextlib.suppress(OSError):
            folder = f"/proc/{pid}/task"
            if os.stat(folder).st_uid == user:
                count += len(os.listdir(folder))
    return count
