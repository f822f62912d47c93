"""One analyser process as the server sees it: started, asked, ended, and started again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

import msgspec

from lemnos.domains.analysis.facts import Facts, unpacked
from lemnos.domains.analysis.ports import Source
from lemnos.kernel.errors import Unavailable
from lemnos.platform.leftovers import mark
from lemnos.runners.analysis.frames import Closed, Late, Request, framed, read_frame

COMMAND = (sys.executable, "-I", "-m", "lemnos.runners.analysis")
_START = 60.0  # seconds until it must be ready: a cold disk, a busy machine
_PASSED_ON = ("PATH", "TMPDIR", "LD_LIBRARY_PATH")

_encode = msgspec.msgpack.Encoder().encode


class Worker:
    """Blocking, for one thread at a time; only :meth:`stop` may come from another one.

    ``memory`` bounds its heap in bytes, ``patience`` the seconds that one file may take.
    """

    def __init__(self, memory: int, patience: float) -> None:
        self.memory = memory
        self.patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def measure(self, sources: Sequence[Source]) -> list[Facts]:
        """Facts in the order of the sources; the one at which the process ended has a problem.

        A file that ends the process is given to a fresh one once more, alone: it may have been
        what came before it. Raises ``Unavailable`` when no process can be started.
        """
        results: list[Facts] = []
        failed_at = -1
        while len(results) < len(sources):
            at = len(results)
            alone = at == failed_at
            try:
                self._ask(sources[at : at + 1] if alone else sources[at:], results)
            except Late:
                self.end()
                results.append(Facts(problem=f"It took longer than {self.patience:g} seconds."))
            except (Closed, OSError, msgspec.MsgspecError):
                self._check_wanted()
                how = self.end()
                if failed_at == len(results):
                    results.append(Facts(problem=f"It ended an analyser: {how}."))
                failed_at = len(results)
        return results

    def stop(self) -> None:
        """End it for good; a call that waits for it raises ``Unavailable``."""
        self._stopped = True
        self.end()

    def end(self) -> str:
        """End the process, if there is one; how it had ended."""
        process, self._process = self._process, None
        if process is None:
            return "it was not running"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"

    @property
    def pid(self) -> int | None:
        """The process, if there is one."""
        return self._process.pid if self._process else None

    def _ask(self, sources: Sequence[Source], results: list[Facts]) -> None:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        requests = [Request(each.language, each.content) for each in sources]
        # It reads the whole message before it answers, so that neither side waits for the other.
        process.stdin.write(framed(_encode(requests)))
        process.stdin.flush()
        answers = process.stdout.fileno()
        for _ in sources:  # one by one, so that those before a crash are not lost
            facts = unpacked(read_frame(answers, self.patience))
            results.append(facts)

    def _running(self) -> subprocess.Popen[bytes]:
        self._check_wanted()
        if self._process is None:
            self._process = self._start()
            assert self._process.stdout is not None
            try:
                read_frame(self._process.stdout.fileno(), _START)
            except (Closed, Late) as error:
                how = self.end()
                message = f"An analyser can't be started: {how}."
                raise Unavailable(message, code="analyser_unavailable") from error
        return self._process

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            return subprocess.Popen(
                [*COMMAND, str(self.memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment | mark(),
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            message = f"An analyser can't be started: {error.strerror}."
            raise Unavailable(message, code="analyser_unavailable") from error

    def _check_wanted(self) -> None:
        if self._stopped:
            raise Unavailable("The analysers have been stopped.", code="analyser_unavailable")
