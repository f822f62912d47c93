"""Run a shell command with bounded time and output, and leave none of its processes behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

DEFAULT_TIMEOUT = 600.0  # seconds; the run as a whole has the task's own limit above it
READ_LIMIT = 4 * 1024 * 1024
CHUNK = 64 * 1024
STRAGGLER_SECONDS = 2.0  # how long a pipe may stay open after its process has ended
OUTPUT_LIMIT = 30_000  # characters; the beginning and the end are kept


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code (None after a time-out) and what it printed."""

    exit_code: int | None
    output: str

    @property
    def failed(self) -> bool:
        return self.exit_code != 0

    @property
    def how(self) -> str:
        return "ran out of time" if self.exit_code is None else f"ended with {self.exit_code}"

    @property
    def text(self) -> str:
        return f"{self.output.rstrip()}\n[{self.how}]".lstrip()


def run_shell(command: str, cwd: Path, timeout: float = DEFAULT_TIMEOUT) -> Ended:
    """Run `command` with sh. Its output goes to a file, so that none is lost or waited for."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        exit_code: int | None = None
        try:
            exit_code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
        finally:
            end_group(process)
        return Ended(exit_code, _ends_of(output))


def _ends_of(output: BinaryIO) -> str:
    """What was printed; of very much only the beginning and the end are read at all."""
    size = output.seek(0, os.SEEK_END)
    output.seek(0)
    if size <= READ_LIMIT:
        return clipped(output.read().decode(errors="replace"))
    beginning = output.read(OUTPUT_LIMIT).decode(errors="replace")
    output.seek(size - OUTPUT_LIMIT)
    return clipped(beginning + output.read().decode(errors="replace"))


class Tail:
    """Reads a pipe to its end and keeps the last of it: tests can print without end.

    On a thread that nobody waits for long, as what escaped the group can hold the pipe open.
    """

    def __init__(self, pipe: IO[bytes] | None, limit: int = OUTPUT_LIMIT) -> None:
        self._limit = limit
        self._last = b""
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def text(self) -> str:
        """What came last; to be asked once the process has ended."""
        self._thread.join(STRAGGLER_SECONDS)
        return self._last.decode(errors="replace").strip()

    def _read(self, pipe: IO[bytes] | None) -> None:
        while pipe is not None and (chunk := os.read(pipe.fileno(), CHUNK)):
            self._last = (self._last + chunk)[-self._limit :]


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process's own group, and reap the process."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def clipped(text: str, limit: int = OUTPUT_LIMIT) -> str:
    """The text, its middle left out where it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - limit} characters left out …\n{text[-half:]}"
