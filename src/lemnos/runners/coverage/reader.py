"""The coverage files of a tree, read in a process that a broken or hostile one may end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from lemnos.domains.analytics.ports import CoverageReport, FoundCoverage
from lemnos.platform.leftovers import mark
from lemnos.runners.analysis.frames import Closed, Late, framed, read_frame
from lemnos.runners.coverage.finding import coverage_files
from lemnos.runners.coverage.frames import Answer, Asked

_COMMAND = (sys.executable, "-I", "-m", "lemnos.runners.coverage")
_MEMORY = 1 << 30  # bytes
_PATIENCE = 60.0  # seconds for one file
_PASSED_ON = ("PATH", "TMPDIR", "LD_LIBRARY_PATH")


class CoverageReader:
    """Implements ``lemnos.domains.analytics.ports.CoverageFiles``."""

    def __init__(self, *, memory: int = _MEMORY, patience: float = _PATIENCE) -> None:
        self._memory = memory
        self._patience = patience

    async def read(self, root: Path, known: Collection[str]) -> FoundCoverage:
        """Find and read them all; see the port. Cancelling ends the process that reads."""
        names = await asyncio.to_thread(coverage_files, root)
        if not names:
            return FoundCoverage()
        work = _Work(self._memory, self._patience)
        reading = asyncio.ensure_future(
            asyncio.to_thread(lambda: list(work.answers(root, names, tuple(known))))
        )
        try:
            answers = await asyncio.shield(reading)
        except asyncio.CancelledError:
            work.stop()
            await asyncio.gather(reading, return_exceptions=True)
            raise
        return FoundCoverage(
            tuple(
                CoverageReport(each.name, each.measured_at, each.lines(), each.roots)
                for each in answers
                if not each.problem
            ),
            tuple(f"{each.name} is not used: {each.problem}" for each in answers if each.problem),
        )


class _Work:
    """Blocking; only :meth:`stop` may come from another thread."""

    def __init__(self, memory: int, patience: float) -> None:
        self._memory = memory
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def answers(self, root: Path, names: list[str], known: tuple[str, ...]) -> Iterator[Answer]:
        """An answer for each file; after one that ended the process the rest goes to another."""
        left = list(names)
        while left and not self._stopped:
            try:
                for answer in self._asked(Asked(str(root), tuple(left), known)):
                    left.pop(0)
                    yield answer
            except Late:
                yield Answer(
                    left.pop(0), f"It took longer than {self._patience:g} seconds to read."
                )
            except (Closed, OSError, msgspec.MsgspecError):
                yield Answer(left.pop(0), "It ended the process that read it.")
            finally:
                self._end()

    def stop(self) -> None:
        """End the process for good; the thread that reads from it sees its end."""
        self._stopped = True
        if self._process is not None:
            _kill(self._process)

    def _asked(self, asked: Asked) -> Iterator[Answer]:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        process = self._process = subprocess.Popen(
            [*_COMMAND, str(self._memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | mark(),
            cwd="/",
            start_new_session=True,
        )
        if self._stopped:
            raise Closed
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(framed(msgspec.msgpack.encode(asked)))
        process.stdin.close()
        for _ in asked.names:
            frame = read_frame(process.stdout.fileno(), self._patience)
            yield msgspec.msgpack.decode(frame, type=Answer)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        _kill(process)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
