"""The sandbox port: what every way of confining an agent offers."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from lemnos.domains.agents.ports import Limits
from lemnos.runners.process import PATIENCE, Exit, Patience, Process, end
from lemnos.runners.sandbox.proc import Processes, processes

GATEWAY_PORT = 8377  # on the loopback of the sandbox's own network


@dataclass(frozen=True, slots=True)
class Launch:
    """A program to start inside a sandbox.

    ``env`` is its whole environment. ``workspace`` and ``home`` are the only folders that it may
    write to besides a private /tmp and ``writable`` ones; all keep their paths. ``protected`` are
    those inside of them that it may read only; a sandbox that is not isolated can't hold that.
    ``read_only`` are further files and folders that it may read (a mirror's objects, where the
    program is installed). ``gateway`` is a unix socket on the host, reachable inside as TCP on
    127.0.0.1:GATEWAY_PORT. ``folder`` is where the program starts; None: the workspace.
    """

    run_id: str
    argv: tuple[str, ...]
    workspace: Path
    home: Path
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    read_only: tuple[Path, ...] = ()
    gateway: Path | None = None
    writable: tuple[Path, ...] = ()
    protected: tuple[Path, ...] = ()
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that a run went over, upon which its sandbox was killed.

    ``used`` and ``allowed`` are bytes, for processes their number, for depth the bytes of a path.
    """

    resource: Literal["memory", "processes", "disk", "depth"]
    used: int
    allowed: int

    def __str__(self) -> str:
        if self.resource == "processes":
            return f"the run had {self.used} processes, allowed are {self.allowed}"
        if self.resource == "depth":
            return "the run nested folders so deep that what is in them can't be counted"
        return f"the run used {self.used} bytes of {self.resource}, allowed are {self.allowed}"


class Jail(Protocol):
    """What a sandbox knows about one of its programs: whom to signal, and how to end them all."""

    def pids(self, table: Processes) -> tuple[int, ...]:
        """Which of the machine's processes are the program's and its descendants'."""
        ...

    def kill(self) -> None:
        """End every process at once."""
        ...

    def out_of_memory(self) -> bool:
        """Whether the kernel has killed a process for the memory that all may use together."""
        ...

    async def release(self) -> None:
        """Give back what was held for the program; called after its end, more than once even."""
        ...


class Sandboxed:
    """A program that runs inside a sandbox."""

    def __init__(self, process: Process, jail: Jail, limits: Limits) -> None:
        self.process = process
        self.breach: Breach | None = None
        self._jail = jail
        self._limits = limits

    def pids(self, table: Processes | None = None) -> tuple[int, ...]:
        """The processes inside by their host pids, in a table of the machine's or right now."""
        return self._jail.pids(processes() if table is None else table)

    def out_of_memory(self) -> bool:
        """Whether the kernel has killed a process inside for its memory."""
        return self._jail.out_of_memory()

    def terminate(self) -> None:
        """Send SIGTERM to every process inside."""
        signal_all(self.pids(), signal.SIGTERM)

    def kill(self, breach: Breach | None = None) -> None:
        """End every process inside at once; ``breach`` says which limit was the reason."""
        self.breach = self.breach or breach
        self._jail.kill()

    async def end(
        self, ask: Callable[[], Awaitable[bool]] | None = None, patience: Patience = PATIENCE
    ) -> Exit:
        """Ask the program to end, then SIGTERM, then kill everything inside."""
        return await end(
            self.process, ask=ask, terminate=self.terminate, kill=self.kill, patience=patience
        )

    async def wait(self) -> Exit:
        """Wait for the program's end; whatever it left behind inside is killed."""
        ended = await self.process.wait()
        if self.breach is None and self._jail.out_of_memory():
            self.breach = Breach("memory", self._limits.memory, self._limits.memory)
        self._jail.kill()
        await self._jail.release()
        return ended


class Sandbox(Protocol):
    """A way of confining programs.

    ``isolated`` says whether the network is cut off, so that the gateway is needed for anything.
    ``warning`` is a sentence for the run's events when the confinement is weak, else empty.
    """

    name: Literal["bubblewrap", "plain"]
    isolated: bool
    warning: str

    async def start(self, launch: Launch) -> Sandboxed:
        """Start the program. Raises OSError when that is impossible."""
        ...


def signal_all(pids: tuple[int, ...], number: int) -> None:
    """Send a signal to each process that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
