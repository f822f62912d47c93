"""Running a tool in the sandbox: bounded in time and output, its end always a result."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

import lemnos
from lemnos.domains.agents.ports import Limits
from lemnos.runners.process import Line
from lemnos.runners.sandbox import Launch, Sandbox, Sandboxed
from lemnos.runners.scratch import Scratch

_OUTPUT_KEPT = 256 * 1024  # bytes of each end of a stream
_ANSWER_KEPT = 32 * 1024 * 1024  # bytes of an answer of our own commands, which is one line
_OUTPUT_MOST = 64 * 1024 * 1024  # bytes, after which a tool is ended
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
# Isolated: nothing in the tree can take the place of one of our own modules.
_INSIDE = (sys.executable, "-I", "-m", "lemnos.runners.quality.inside")
_LIMITS = Limits(memory=4 * 1024**3, processes=512)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a tool ended. ``problem`` says why there is no exit code, or what broke its limits.

    ``timed_out``: that is the limit of time.
    """

    exit_code: int | None
    stdout: str
    stderr: str
    seconds: float
    problem: str = ""
    timed_out: bool = False

    @property
    def output(self) -> str:
        """What it said, for a person."""
        return "\n".join(part for part in (self.stdout.strip(), self.stderr.strip()) if part)


class Broken(Exception):
    """A tool gave no verdict: it hung, crashed, or printed without end. For people to read."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a tool may use besides the tree that it is started in.

    ``writable`` and ``protected`` as in ``Launch``; ``readable`` are further paths to read,
    ``path`` folders of programs before others, ``folder`` where it starts, ``gateway`` its way to
    other hosts.
    """

    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    protected: tuple[Path, ...] = ()
    path: tuple[Path, ...] = ()
    folder: Path | None = None
    gateway: Path | None = None


class Workbench:
    """Starts tools over a tree. ``read_only`` and ``path`` are where the operator's tools are."""

    def __init__(
        self,
        sandbox: Sandbox,
        read_only: tuple[Path, ...] = (),
        path: tuple[Path, ...] = (),
        limits: Limits = _LIMITS,
    ) -> None:
        self._sandbox = sandbox
        self._read_only = (*read_only, *_installation())
        self._path = path
        self._limits = limits

    @property
    def isolated(self) -> bool:
        """Whether tools have no network but the gateway."""
        return self._sandbox.isolated

    @property
    def path(self) -> tuple[Path, ...]:
        """Where programs are that are not a project's own, the nearest first."""
        system = map(Path, _SYSTEM_PATH.split(":"))
        return (Path(sys.prefix, "bin"), *self._path, *system)

    def find(self, program: str, *folders: Path) -> Path | None:
        """A program in the given folders, beside this Python, or on the path of agents."""
        for place in (*folders, *self.path):
            if (place / program).is_file() and os.access(place / program, os.X_OK):
                return place / program
        return None

    async def run(
        self,
        argv: tuple[str, ...],
        tree: Path,
        timeout: float,
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        readonly: tuple[Path, ...] = (),
        kept: int = _OUTPUT_KEPT,
        room: Room | None = None,
    ) -> Ended:
        """Run a tool in a tree, which it may write to. Only a tool that cannot start raises.

        ``kept`` bytes of each end of its output. Raises ``Broken`` then. Cancelling the call ends
        the tool.
        """
        home = Scratch()
        room = room or Room(readable=readonly)
        limits = replace(self._limits, timeout=max(timeout, self._limits.timeout))
        try:
            launch = self._launch(argv, tree, home.path, env or {}, room)
            try:
                sandboxed = await self._sandbox.start(replace(launch, limits=limits))
            except OSError as error:
                raise Broken(f"{argv[0]} can't be started: {error}") from error
            return await _followed(sandboxed, stdin, timeout, kept)
        finally:
            await asyncio.to_thread(home.close)

    async def inside(
        self,
        command: str,
        request: Mapping[str, Any],
        tree: Path,
        timeout: float,
        readonly: tuple[Path, ...] = (),
    ) -> Any:
        """One of our own commands; what it answers. Raises ``Broken`` when it does not."""
        ended = await self.run(
            (*_INSIDE, command),
            tree,
            timeout,
            stdin=msgspec.json.encode(request) + b"\n",
            readonly=readonly,
            kept=_ANSWER_KEPT,
        )
        if ended.problem:
            raise Broken(ended.problem)
        try:
            return msgspec.json.decode(ended.stdout)
        except msgspec.DecodeError:
            said = ended.stderr.strip()[-500:]
            raise Broken(f"the check crashed (exit code {ended.exit_code}): {said}") from None

    def _launch(
        self,
        argv: tuple[str, ...],
        tree: Path,
        home: Path,
        env: Mapping[str, str],
        room: Room,
    ) -> Launch:
        environment = {
            "PATH": os.pathsep.join(map(str, (*room.path, *self.path))),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "CI": "true",
            "TMPDIR": "/tmp",  # noqa: S108  a private one, inside the sandbox
            "PYTHONDONTWRITEBYTECODE": "1",
            **env,
        }
        return Launch(
            run_id=f"check-{uuid.uuid4().hex}",
            argv=argv,
            workspace=tree,
            home=home,
            env=environment,
            read_only=(*self._read_only, *room.readable),
            gateway=room.gateway,
            writable=room.writable,
            protected=room.protected,
            folder=room.folder,
        )


class _Kept:
    """Both ends of a stream that may be endless."""

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._limit = limit
        self._head: list[bytes] = []
        self._tail = deque[bytes]()
        self._head_size = self._tail_size = 0

    def add(self, line: Line) -> None:
        self.size += line.size + 1
        if self._head_size < self._limit:
            self._head.append(line.data[: self._limit])
            self._head_size += len(line.data) + 1
            return
        self._tail.append(line.data[-self._limit :])
        self._tail_size += len(line.data) + 1
        while self._tail_size > self._limit and len(self._tail) > 1:
            self._tail_size -= len(self._tail.popleft()) + 1

    def text(self) -> str:
        return b"\n".join([*self._head, *self._tail]).decode(errors="replace")


async def _followed(sandboxed: Sandboxed, stdin: bytes, timeout: float, limit: int) -> Ended:
    """Read the tool to its end, or end it: at the time limit, or when it prints without end."""
    process = sandboxed.process
    kept = {"stdout": _Kept(limit), "stderr": _Kept(_OUTPUT_KEPT)}
    problem, timed_out = "", False
    try:
        try:
            async with asyncio.timeout(timeout):
                with contextlib.suppress(OSError):  # it ended without reading its input
                    await process.write(stdin)
                process.close_stdin()
                async for batch in process.batches():
                    for line in batch:
                        kept[line.stream].add(line)
                    if sum(stream.size for stream in kept.values()) > _OUTPUT_MOST:
                        problem = f"it printed more than {_OUTPUT_MOST >> 20} MB"
                        break
                    await asyncio.sleep(0)
                else:  # its pipes are closed a moment before it can tell how it ended
                    await process.wait()
        except TimeoutError:
            problem, timed_out = f"it was still running after {timeout:g} s", True
    finally:
        sandboxed.kill()
        ended = await asyncio.shield(sandboxed.wait())
    seconds = time.monotonic() - process.started
    if sandboxed.breach is not None:
        problem, timed_out = str(sandboxed.breach), False
    elif not problem and ended.code is None:
        problem = f"it was ended by signal {ended.signal}"
    code = None if problem else ended.code
    said = (kept["stdout"].text(), kept["stderr"].text())
    return Ended(code, *said, seconds, problem, timed_out)


def _installation() -> tuple[Path, ...]:
    """The folders that Lemnos and its libraries are installed in."""
    folders = {Path(sys.prefix), Path(lemnos.__file__).parents[1]} - {Path(sys.base_prefix)}
    return tuple(
        folder for folder in sorted(folders) if not any(o in folder.parents for o in folders)
    )
