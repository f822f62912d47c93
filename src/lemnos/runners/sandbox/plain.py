"""Programs without namespaces: a process group and rlimits, where bubblewrap can't run."""

from __future__ import annotations

import contextlib
import os
import secrets
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
        cookie = f"{launch.run_id}-{secrets.token_hex(8)}"
        command = entry_command(launch.argv, launch.limits, other_threads=_own_threads())
        try:
            process = Process.spawn(
                [*group.join(), *command],
                env={**launch.env, **mark(), COOKIE: cookie},
                cwd=launch.folder or launch.workspace,
            )
        except OSError:
            await group.remove()
            raise
        family = _Family(process.pid, process.started_ticks, f"{COOKIE}={cookie}".encode())
        sandboxed = Sandboxed(process, _FamilyJail(family, process.pid, group), launch.limits)
        self._watchdog.watch(sandboxed, launch.limits, (launch.workspace, launch.home))
        return sandboxed


class _Family:
    """The processes that descend from one, also those that left its group and its tree.

    What makes itself a daemon (setsid, double fork) is found by a variable in its environment.
    """

    def __init__(self, root: int, started_ticks: int | None, cookie: bytes) -> None:
        self._root = root
        self._started_ticks = started_ticks
        self._cookie = cookie

    def members(self, table: Processes) -> dict[int, Place]:
        """Those of the machine's processes that belong to it."""
        found = {pid: its for pid, its in table.items() if self._cookie in _environment(pid)}
        if self._root_lives():
            tree = (self._root, *descendants(self._root, table))
            found |= {pid: table[pid] for pid in tree if pid in table and not is_zombie(pid)}
        return found

    def kill(self) -> None:
        """End them all."""
        # By group, which the kernel does in one go: a fork bomb outruns a kill by pid. What is
        # born in a group of its own between the look and the kill is found by the next look.
        if self._root_lives():
            _kill_group(self._root)
        while members := self.members(processes()):
            for group in {place.group for place in members.values()}:
                _kill_group(group)

    def _root_lives(self) -> bool:
        """Whether the root's pid is still its own."""
        return self._started_ticks is not None and start_ticks(self._root) == self._started_ticks


class _FamilyJail:
    """A family, and the control groups that it is in."""

    def __init__(self, family: _Family, root: int, group: Cgroup) -> None:
        self._family = family
        self._root = root
        self._group = group

    def pids(self, table: Processes) -> tuple[int, ...]:
        return tuple(pid for pid in self._family.members(table) if pid != self._root)

    def kill(self) -> None:
        self._family.kill()

    def out_of_memory(self) -> bool:
        return self._group.out_of_memory()

    async def release(self) -> None:
        await self._group.remove()


def end_leftover(pgid: int, started_ticks: int) -> bool:
    """End what a run left behind when the server was killed; False when it has gone.

    Only when the leader's start time matches: a pid is used again sooner or later. What is in
    bubblewrap ends with the server by itself, or with its leader.
    """
    if start_ticks(pgid) != started_ticks or is_zombie(pgid):
        return False
    cookies = [entry for entry in _environment(pgid) if entry.startswith(COOKIE.encode() + b"=")]
    if cookies:
        _Family(pgid, started_ticks, cookies[0]).kill()
    else:
        _kill_group(pgid)
    return True


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def _own_threads() -> int:
    """How many threads the server's user has at this moment."""
    count, user = 0, os.geteuid()
    for pid in processes():
        with contextlib.suppress(OSError):
            folder = f"/proc/{pid}/task"
            if os.stat(folder).st_uid == user:
                count += len(os.listdir(folder))
    return count
