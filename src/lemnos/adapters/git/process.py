"""Running one git process: in its own process group, with bounded output, time and memory."""

from __future__ import annotations

import asyncio
import os
import resource
import selectors
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

from lemnos.kernel.errors import TimedOut, Unavailable

_CHUNK = 64 * 1024
_STDERR_KEPT = 64 * 1024  # bytes, the last ones: git says why it failed at the end
# Takes standard output as it comes, on the thread that reads it: none of it is kept.
Sink: TypeAlias = Callable[[bytes], None]
_GRACE = 2.0  # seconds in which git removes its lock files after SIGTERM


@dataclass(frozen=True, slots=True)
class Output:
    """How a process ended. ``cut``: its output went over the limit, and it was stopped there."""

    code: int
    stdout: bytes
    stderr: str
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """One process to run. ``held`` are descriptors that it inherits, such as locks."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    stdin: bytes = b""
    held: Sequence[int] = ()


class ProcessRunner:
    """Runs processes on threads of its own, at most ``concurrency`` at once.

    ``memory`` bounds the heap of each process in bytes: content decides how much git allocates,
    and content comes from strangers.
    """

    def __init__(self, concurrency: int = 16, memory: int = 2 << 30) -> None:
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="git")
        self._memory = memory

    async def run(
        self, command: Command, *, timeout: float, limit: int, sink: Sink | None = None
    ) -> Output:
        """Run to the end, or to ``limit`` bytes of output, or for ``timeout`` seconds.

        With a ``sink`` the output goes there, and what that raises ends the process. Raises
        ``TimedOut``; ``Unavailable`` if the program can't be started. When the caller is cancelled
        the whole process group is ended before this returns.
        """
        child = _Child(command, self._memory)
        ended = asyncio.get_running_loop().run_in_executor(
            self._pool, child.communicate, limit, sink
        )
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(ended)
        except TimeoutError:
            message = f"git took longer than {timeout:g} seconds."
            raise TimedOut(message, code="git_timeout") from None
        finally:
            if not ended.done():
                child.stop()
                await _finish(ended)

    def close(self) -> None:
        """Let go of the threads; running processes are waited for by their callers."""
        self._pool.shutdown(wait=False)


async def _finish(ended: asyncio.Future[Output]) -> None:
    """Wait for a stopped child, also while being cancelled again."""
    while not ended.done():
        with suppress(asyncio.CancelledError, Exception):
            await asyncio.shield(ended)


class _Child:
    """A process and its group, driven from a thread and stopped from any other."""

    def __init__(self, command: Command, memory: int) -> None:
        self._command = command
        self._memory = memory
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def communicate(self, limit: int, sink: Sink | None) -> Output:
        """Start, read everything, wait. Runs on a thread."""
        with tempfile.TemporaryFile() as stdin:
            stdin.write(self._command.stdin)
            stdin.seek(0)
            process = self._start(stdin)
        if process is None:
            return Output(-signal.SIGTERM, b"", "stopped")
        try:
            stdout, stderr, cut = _read(process, limit, sink)
            if cut:
                self.stop()
            return Output(process.wait(), stdout, stderr.decode(errors="replace"), cut)
        finally:
            _signal_group(process, signal.SIGKILL)  # what outlived its leader
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def stop(self) -> None:
        """End the group: politely, then after a grace for good."""
        with self._lock:
            self._stopped = True
            process = self._process
        if process is not None and _signal_group(process, signal.SIGTERM):
            timer = threading.Timer(_GRACE, _kill_unless_ended, (process,))
            timer.daemon = True
            timer.start()

    def _start(self, stdin: IO[bytes]) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopped:
                return None
            try:
                self._process = subprocess.Popen(
                    self._command.argv,
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=dict(self._command.env),
                    cwd=self._command.cwd,
                    pass_fds=tuple(self._command.held),
                    start_new_session=True,
                )
            except OSError as error:
                raise Unavailable(f"git can't be started: {error.strerror}.") from error
            self._limit_memory(self._process.pid)
            return self._process

    def _limit_memory(self, pid: int) -> None:
        """Bound the heap from outside: a ``preexec_fn`` would make Python fork."""
        if hasattr(resource, "prlimit"):
            with suppress(ProcessLookupError, PermissionError):
                resource.prlimit(pid, resource.RLIMIT_DATA, (self._memory, self._memory))


def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    """Signal the process's group; whether there was any. The leader's pid names the group."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _kill_unless_ended(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:  # once it was waited for, its pid may be another's
        _signal_group(process, signal.SIGKILL)


def _read(
    process: subprocess.Popen[bytes], limit: int, sink: Sink | None
) -> tuple[bytes, bytes, bool]:
    """Both pipes to their ends: the first ``limit`` bytes of one, the last of the other."""
    out, err = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for pipe, kept in ((process.stdout, out), (process.stderr, err)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, kept)
        while selector.get_map():
            for key, _ in selector.select():
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                    continue
                if sink is not None and key.data is out:
                    sink(chunk)
                    continue
                key.data.extend(chunk)
                if len(out) > limit:
                    return bytes(out[:limit]), bytes(err), True
                del err[:-_STDERR_KEPT]
    return bytes(out), bytes(err), False
