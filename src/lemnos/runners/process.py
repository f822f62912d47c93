"""Child processes without a thread each: pipes on the event loop, ends seen through pidfds.

`subprocess.Popen` is used as far as it goes through vfork: its cost does not grow with the
server's memory, which uvloop's and asyncio's own way (fork) does. The child is spawned on the
calling thread, and `--die-with-parent` of a sandbox is tied to that very thread (prctl(2),
PR_SET_PDEATHSIG): call :meth:`Process.spawn` on the event loop, whose thread lives long.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

CHUNK = 64 * 1024
LINE_CAP = 64 * 1024 * 1024
KEPT_OF_CUT_LINE = 64 * 1024
HIGH_WATER = 8 * 1024 * 1024  # bytes of undelivered lines at which reading stops
LINE_OVERHEAD = 128  # bytes that a line takes besides its data: short ones are mostly this
STRAGGLER_SECONDS = 2.0  # how long a pipe may stay open after the child has ended

Stream = Literal["stdout", "stderr"]


class Line(msgspec.Struct, frozen=True):
    """One line of output without its newline; of a line over the cap only the beginning."""

    stream: Stream
    data: bytes
    size: int  # in bytes, as it was written

    @property
    def cut(self) -> bool:
        """Whether the line was longer than the cap."""
        return self.size > len(self.data)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: by itself with a code, or by a signal."""

    code: int | None
    signal: int | None


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait after asking, and after SIGTERM, before the next, harsher step."""

    asked: float = 5.0
    terminated: float = 3.0


PATIENCE = Patience()


class LineSplitter:
    """Cuts a stream of chunks into lines of any length up to a cap."""

    def __init__(self, stream: Stream, cap: int = LINE_CAP) -> None:
        self._stream: Stream = stream
        self._cap = cap
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that this chunk completes."""
        first, *rest = chunk.split(b"\n")
        self._add(first)
        if not rest:
            return []
        lines = [self._take()]
        stream = self._stream
        lines += [Line(stream, part, len(part)) for part in rest[:-1]]
        self._add(rest[-1])
        return lines

    def finish(self) -> list[Line]:
        """What is left at the end of the stream, when it does not end in a newline."""
        return [self._take()] if self._size else []

    def _add(self, part: bytes) -> None:
        if not part:
            return
        self._size += len(part)
        if self._size <= self._cap:
            self._parts.append(part)
        elif len(self._parts) != 1 or len(self._parts[0]) > KEPT_OF_CUT_LINE:
            self._parts = [b"".join([*self._parts, part])[:KEPT_OF_CUT_LINE]]

    def _take(self) -> Line:
        line = Line(self._stream, b"".join(self._parts), self._size)
        self._parts, self._size = [], 0
        return line


class Process:
    """A child process in a session of its own, with piped stdin, stdout and stderr.

    ``started_ticks`` is its start time in clock ticks since boot (proc(5), field 22), which tells
    it from another process that got the same pid later; ``started`` is time.monotonic().
    """

    def __init__(self, child: subprocess.Popen[bytes], started: float) -> None:
        self._child = child
        self._loop = asyncio.get_running_loop()
        self.pid = child.pid
        self.pgid = child.pid
        self.started = started
        self.started_ticks = start_ticks(child.pid)
        self._lines: deque[Line] = deque()
        self._waiting_bytes = 0
        self._paused = False
        self._news = asyncio.Event()
        self._ended = asyncio.Event()
        self._exit: Exit | None = None
        self._open: dict[int, LineSplitter] = {}
        self._write_lock = asyncio.Lock()
        self._stragglers: asyncio.TimerHandle | None = None
        self._watch()

    @classmethod
    def spawn(
        cls,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str],
        pass_fds: Sequence[int] = (),
    ) -> Process:
        """Start a program; ``env`` is its whole environment. Blocks for under a millisecond.

        Raises OSError when the program can't be started.
        """
        started = time.monotonic()
        child = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env),
            pass_fds=tuple(pass_fds),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        return cls(child, started)

    @property
    def exit(self) -> Exit | None:
        """How it ended, None while it runs."""
        return self._exit

    async def wait(self) -> Exit:
        """Wait for the end of the process itself; descendants may outlive it."""
        await self._ended.wait()
        assert self._exit is not None  # set together with the event
        return self._exit

    async def batches(self) -> AsyncIterator[list[Line]]:
        """All lines that are there, each time there are any, until both pipes are at their end.

        While the reader falls behind by more than HIGH_WATER bytes, the child has to wait. An
        empty list comes after :meth:`nudge`.
        """
        while True:
            await self._news.wait()
            self._news.clear()
            batch = list(self._lines)
            self._lines.clear()
            self._waiting_bytes = 0
            self._resume()
            finished = not self._open
            if batch or not finished:
                yield batch
            if finished:
                return

    def nudge(self) -> None:
        """Make :meth:`batches` yield now, if only an empty list."""
        self._news.set()

    async def write(self, data: bytes) -> None:
        """Write to stdin. Raises BrokenPipeError when nobody reads there any more."""
        async with self._write_lock:
            if self._child.stdin is None or self._child.stdin.closed:
                raise BrokenPipeError("stdin is closed")
            rest = memoryview(data)
            while rest:
                try:
                    rest = rest[os.write(self._child.stdin.fileno(), rest) :]
                except BlockingIOError:
                    await self._writable(self._child.stdin.fileno())

    def close_stdin(self) -> None:
        """Tell the child that no more input will come."""
        if self._child.stdin is not None and not self._child.stdin.closed:
            self._loop.remove_writer(self._child.stdin.fileno())
            self._child.stdin.close()

    def signal(self, number: int) -> None:
        """Send a signal to the whole process group; nothing happens when it has gone."""
        if self._exit is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pgid, number)

    # --- the event loop's side ---------------------------------------------------------------

    def _watch(self) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        assert self._child.stderr is not None
        os.set_blocking(self._child.stdin.fileno(), False)
        pipes: tuple[tuple[int, Stream], ...] = (
            (self._child.stdout.fileno(), "stdout"),
            (self._child.stderr.fileno(), "stderr"),
        )
        for fd, stream in pipes:
            os.set_blocking(fd, False)
            self._open[fd] = LineSplitter(stream)
            self._loop.add_reader(fd, self._readable, fd)
        pidfd = os.pidfd_open(self.pid)
        self._loop.add_reader(pidfd, self._reap, pidfd)

    def _readable(self, fd: int) -> None:
        try:
            chunk = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if chunk:
            self._deliver(self._open[fd].feed(chunk))
        else:
            self._close(fd)

    def _deliver(self, lines: list[Line]) -> None:
        if not lines:
            return
        self._lines += lines
        self._waiting_bytes += sum(len(line.data) + LINE_OVERHEAD for line in lines)
        self._news.set()
        if self._waiting_bytes > HIGH_WATER and not self._paused:
            self._paused = True
            for fd in self._open:
                self._loop.remove_reader(fd)

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            for fd in self._open:
                self._loop.add_reader(fd, self._readable, fd)

    def _close(self, fd: int) -> None:
        splitter = self._open.pop(fd, None)
        if splitter is None:
            return
        self._loop.remove_reader(fd)
        for pipe in (self._child.stdout, self._child.stderr):
            if pipe is not None and not pipe.closed and pipe.fileno() == fd:
                pipe.close()
        self._deliver(splitter.finish())
        self._news.set()
        if not self._open and self._stragglers is not None:
            self._stragglers.cancel()

    def _reap(self, pidfd: int) -> None:
        code = self._child.poll()
        if code is None:
            return
        self._loop.remove_reader(pidfd)
        os.close(pidfd)
        self._exit = Exit(code, None) if code >= 0 else Exit(None, -code)
        self.close_stdin()
        self._ended.set()
        if self._open:
            self._stragglers = self._loop.call_later(STRAGGLER_SECONDS, self._close_stragglers)

    def _close_stragglers(self) -> None:
        """A descendant that left the process group can hold a pipe open for ever."""
        if self._paused:  # the reader is behind, the rest of the output is still in the pipe
            self._stragglers = self._loop.call_later(STRAGGLER_SECONDS, self._close_stragglers)
            return
        for fd in list(self._open):
            self._close(fd)

    async def _writable(self, fd: int) -> None:
        ready = asyncio.Event()
        self._loop.add_writer(fd, ready.set)
        waits = {asyncio.ensure_future(ready.wait()), asyncio.ensure_future(self._ended.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            self._loop.remove_writer(fd)
        if self._exit is not None:
            raise BrokenPipeError("the process has ended")


async def end(
    process: Process,
    *,
    ask: Callable[[], Awaitable[bool]] | None,
    terminate: Callable[[], None],
    kill: Callable[[], None],
    patience: Patience = PATIENCE,
) -> Exit:
    """End a process by the ladder: ask it, then ``terminate`` (SIGTERM), then ``kill`` all.

    ``ask`` returns whether the process could be asked at all; OSError means no.
    """
    asked = False
    if ask is not None and process.exit is None:
        with contextlib.suppress(OSError):
            asked = await asyncio.wait_for(ask(), patience.asked)
    if asked:
        await _gone(process, patience.asked)
    if process.exit is None:
        terminate()
        await _gone(process, patience.terminated)
    kill()
    return await process.wait()


async def _gone(process: Process, seconds: float) -> bool:
    try:
        await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        return False
    return True


def start_ticks(pid: int) -> int | None:
    """A process's start time in clock ticks since boot (proc(5), stat field 22), None if gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    return int(stat.rpartition(b")")[2].split()[19])
