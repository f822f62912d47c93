"""Programs in namespaces of their own, by bubblewrap (bwrap(1)); needs no privileges."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from lemnos.runners.process import Process
from lemnos.runners.sandbox.cgroup import Cgroup, Cgroups
from lemnos.runners.sandbox.entry_command import ENTRY, entry_command, python
from lemnos.runners.sandbox.port import Launch, Sandboxed, signal_all
from lemnos.runners.sandbox.proc import Processes, descendants, processes
from lemnos.runners.sandbox.watchdog import Watchdog
from lemnos.runners.scratch import Scratch

INSIDE = Path("/run/lemnos")
_HOME = INSIDE / "home"  # leads to the run's own, for programs that ask the user database
UID = "1000"  # inside; agents refuse to work without questions for root
TMP_BYTES = 1024**3  # /tmp is memory
SHM_BYTES = 256 * 1024**2
PROBE_SECONDS = 20

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/pki",
    "/etc/ssl",
)
_OWN_ETC = {
    "passwd": f"agent:x:{UID}:{UID}:agent:{_HOME}:/bin/bash\n",
    "group": f"agent:x:{UID}:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "resolv.conf": "",
}
_NAMESPACES = (
    "--unshare-user", "--uid", UID, "--gid", UID, "--disable-userns",
    "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup-try",
    "--hostname", "sandbox", "--cap-drop", "ALL", "--die-with-parent", "--new-session",
)  # fmt: skip


class BubblewrapSandbox:
    """Sees the system's programs, its workspace and its home; has no network and no devices.

    ``hidden`` are folders that it never sees, whatever they lie in.
    """

    name: Literal["bubblewrap", "plain"] = "bubblewrap"
    isolated = True
    warning = ""

    def __init__(
        self,
        watchdog: Watchdog,
        cgroups: Cgroups,
        bwrap: str = "bwrap",
        hidden: tuple[Path, ...] = (),
    ) -> None:
        self._hidden = hidden
        self._watchdog = watchdog
        self._cgroups = cgroups
        self._bwrap = bwrap
        self._etc = Scratch()
        for name, text in _OWN_ETC.items():
            (self._etc.path / name).write_text(text)

    async def start(self, launch: Launch) -> Sandboxed:
        """Start the program. Raises OSError when bwrap itself can't be started."""
        group = self._cgroups.make(launch.limits)
        command = [*group.join(), *self.command(launch)]
        try:
            process = Process.spawn(command, env=launch.env, cwd=Path("/"))
        except OSError:
            await group.remove()
            raise
        sandboxed = Sandboxed(process, _Namespace(process, group, self._etc), launch.limits)
        self._watchdog.watch(sandboxed, launch.limits, (launch.workspace, launch.home))
        return sandboxed

    def command(self, launch: Launch) -> list[str]:
        """The whole command line, from bwrap to the program's own arguments."""
        entry = INSIDE / ENTRY.name
        gateway = INSIDE / "gateway.sock" if launch.gateway is not None else None
        command = [self._bwrap, *_NAMESPACES, *_system(), *self._etc_binds()]
        command += ["--proc", "/proc", "--dev", "/dev"]
        command += ["--size", str(SHM_BYTES), "--tmpfs", "/dev/shm"]  # noqa: S108
        command += ["--remount-ro", "/dev"]  # else it takes files of half the host's memory
        command += ["--perms", "1777", "--size", str(TMP_BYTES), "--tmpfs", "/tmp"]  # noqa: S108
        command += ["--symlink", "/tmp", "/var/tmp"]  # noqa: S108
        command += ["--ro-bind", str(ENTRY), str(entry)]
        if launch.gateway is not None:
            command += ["--bind", str(launch.gateway), str(gateway)]
        command += self._binds(launch)
        command += ["--symlink", str(launch.home), str(_HOME)]
        # Without it the root, a tmpfs, could be filled up, which takes the host's memory.
        command += [arg for path in self._hidden for arg in ("--remount-ro", str(path))]
        command += ["--remount-ro", "/", "--chdir", str(launch.folder or launch.workspace), "--"]
        return command + entry_command(launch.argv, launch.limits, entry=entry, gateway=gateway)

    def _binds(self, launch: Launch) -> list[str]:
        """What the run reads and writes; of a hidden folder only what the run itself names.

        The server's own folder may lie where its programs are, within what agents may read, or
        within the workspace: a user's own project, whose gates keep their verdicts there.
        """
        readable = (_python_home(), *launch.read_only)
        named = [path for path in readable if any(map(path.is_relative_to, self._hidden))]
        within = [path for path in self._hidden if path.is_relative_to(launch.workspace)]
        binds = [("--ro-bind", path) for path in readable if path not in named]
        binds += [("--tmpfs", path) for path in self._hidden if path not in within]
        binds += [("--ro-bind", path) for path in named]
        binds += [("--bind", launch.workspace)]
        binds += [("--tmpfs", path) for path in within]
        binds += [("--bind", path) for path in (launch.home, *launch.writable)]
        # A link would lead the mount elsewhere; what it leads to is not writable anyway.
        binds += [("--ro-bind", path) for path in launch.protected if not path.is_symlink()]
        return [
            arg
            for kind, path in binds
            for arg in ((kind, str(path)) if kind == "--tmpfs" else (kind, str(path), str(path)))
        ]

    def _etc_binds(self) -> list[str]:
        binds = [arg for path in _ETC for arg in ("--ro-bind-try", path, path)]
        for name in _OWN_ETC:
            binds += ["--ro-bind", str(self._etc.path / name), f"/etc/{name}"]
        return binds


class _Namespace:
    """The processes below one bwrap. Its only child is the namespace's init."""

    def __init__(self, monitor: Process, group: Cgroup, etc: Scratch) -> None:
        self._monitor = monitor
        self._group = group
        self._etc = etc  # bwrap has yet to bind its files, whatever becomes of the sandbox object

    def pids(self, table: Processes) -> tuple[int, ...]:
        monitor = self._monitor.pid
        return tuple(pid for pid in descendants(monitor, table) if table[pid].parent != monitor)

    def kill(self) -> None:
        if self._monitor.exit is not None:  # its pid may belong to another process by now
            return
        # The init dies with bwrap (--die-with-parent), and the kernel ends the namespace with
        # it. Both are named because the init may not yet have asked for that.
        monitor = self._monitor.pid
        inits = tuple(pid for pid, its in processes().items() if its.parent == monitor)
        signal_all((*inits, monitor), signal.SIGKILL)

    def out_of_memory(self) -> bool:
        return self._group.out_of_memory()

    async def release(self) -> None:
        await self._group.remove()


def _system() -> list[str]:
    binds: list[str] = []
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            binds += ["--symlink", os.readlink(path), str(path)]
        elif path.exists():
            binds += ["--ro-bind", str(path), str(path)]
    return binds


def _python_home() -> Path:
    home = Path(sys.base_prefix)
    return home if python().is_relative_to(home) else python()


def why_not(bwrap: str = "bwrap") -> str:
    """Try bwrap with all that a run needs; the reason when it does not work here, else empty.

    Blocks for some 50 ms: to be called once, at start.
    """
    with tempfile.TemporaryDirectory(prefix="lemnos-probe-") as folder:
        sandbox = BubblewrapSandbox(Watchdog(), Cgroups({}, 2), bwrap)
        launch = Launch("probe", ("true",), Path(folder), Path(folder))
        try:
            tried = subprocess.run(
                sandbox.command(launch),
                env={"PATH": "/usr/bin:/bin"},
                capture_output=True,
                timeout=PROBE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"bubblewrap can't be started: {error}"
    if tried.returncode != 0:
        said = tried.stderr.decode(errors="replace").strip()
        return f"bubblewrap does not work here: {said or f'exit code {tried.returncode}'}"
    return ""
