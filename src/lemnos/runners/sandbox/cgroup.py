"""Hard limits on memory and processes by control groups, where this server may make some.

With version 2 that is the case when the server's own group was delegated to it (systemd's
``Delegate=yes``, a container with a writable cgroup file system) and holds nothing else: the
server then moves into a leaf, as groups with controllers may hold no processes (cgroups(7)).
With version 1 it is root's. Where neither holds, the watchdog alone keeps the limits.

The groups allow a little more than the limits: the watchdog ends a run that is over them, with
the reason in its events, and the groups see to it that a run can't get far in between.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lemnos.domains.agents.ports import Limits

_HEADROOM = 1.25
THREADS_EACH = 4  # what a process of a tool chain has, on average and with room to spare
_MEMORY_FILES = ("memory.limit_in_bytes", "memory.max")  # by version
_OOM_FILES = ("memory.oom_control", "memory.events")
_CONTROLLERS = ("memory", "pids")
_REMOVAL_TRIES = 100
_REMOVAL_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The groups of one run, by controller."""

    folders: Mapping[str, Path]
    version: int

    def join(self) -> list[str]:
        """A command prefix that puts what follows into the groups."""
        if not self.folders:
            return []
        files = [str(folder / "cgroup.procs") for folder in {*self.folders.values()}]
        return ["/bin/sh", "-c", _JOIN, "lemnos-join", *files, "--"]

    def out_of_memory(self) -> bool:
        """Whether the kernel has killed a process of the run for the groups' memory limit."""
        folder = self.folders.get("memory")
        if folder is None:
            return False
        try:
            lines = (folder / _OOM_FILES[self.version - 1]).read_text().splitlines()
        except OSError:
            return False
        return any(line.startswith("oom_kill ") and line != "oom_kill 0" for line in lines)

    async def remove(self) -> None:
        """Remove the groups, once the last process has gone; nothing else ever will."""
        for folder in {*self.folders.values()}:
            for _ in range(_REMOVAL_TRIES):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    await asyncio.sleep(_REMOVAL_PAUSE)
                else:
                    break


NO_CGROUP = Cgroup({}, 2)
_JOIN = """
while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done
shift
exec "$@"
"""


class Cgroups:
    """Makes a group for each run below ``parents``, a folder for each controller."""

    def __init__(self, parents: dict[str, Path], version: int) -> None:
        self._parents = parents
        self._version = version

    @property
    def controllers(self) -> tuple[str, ...]:
        """Which limits are held; empty where control groups can't be used."""
        return tuple(self._parents)

    def make(self, limits: Limits) -> Cgroup:
        """New groups with a run's limits. Raises OSError."""
        name = f"lemnos-{secrets.token_hex(8)}"
        group = Cgroup(
            {controller: parent / name for controller, parent in self._parents.items()},
            self._version,
        )
        for controller, folder in group.folders.items():
            folder.mkdir(exist_ok=True)
            if controller == "memory":
                allowed = int(limits.memory * _HEADROOM)
                (folder / _MEMORY_FILES[self._version - 1]).write_text(str(allowed))
            else:
                allowed = limits.processes * THREADS_EACH  # threads count here
                (folder / "pids.max").write_text(str(allowed))
        return group


def delegated(
    root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> Cgroups:
    """The groups that this process may make. Moves the process into a leaf with version 2."""
    lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    for _, names, path in lines:
        if names == "" and (root / "cgroup.controllers").exists():
            return _version_2(root / path.lstrip("/"))
    return _version_1(root, {names: path for _, names, path in lines if names})


def _version_2(group: Path) -> Cgroups:
    try:
        offered = (group / "cgroup.controllers").read_text().split()
        if not set(_CONTROLLERS) <= set(offered):
            return Cgroups({}, 2)
        if (group / "cgroup.procs").read_text().split() not in ([], [str(os.getpid())]):
            return Cgroups({}, 2)  # other programs share the group: it is not ours to arrange
        leaf = group / "server"
        leaf.mkdir(exist_ok=True)
        (leaf / "cgroup.procs").write_text(str(os.getpid()))
        (group / "cgroup.subtree_control").write_text("+memory +pids")
    except OSError:
        return Cgroups({}, 2)
    return Cgroups(dict.fromkeys(_CONTROLLERS, group), 2)


def _version_1(root: Path, own: dict[str, str]) -> Cgroups:
    found = {}
    for names, path in own.items():
        for controller in set(names.split(",")) & set(_CONTROLLERS):
            folder = root / controller / path.lstrip("/")
            if os.access(folder, os.W_OK):
                found[controller] = folder
    return Cgroups(found, 1)
