"""``lemnos serve`` to ready, and its idle memory, against an empty FastAPI application.

``python -m benchmarks.startup``. Both run under the same uvicorn with the same settings; ready is
when a first request is answered with 200. The data folder exists, as it does for any start but
the first.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common import Figure, alternate, main, process_usage
from tests.support.services import free_port

_EMPTY = """
import sys, uvicorn
from fastapi import FastAPI
uvicorn.run(FastAPI(), port=int(sys.argv[1]), loop="uvloop", http="httptools", ws="none",
            lifespan="off", log_config=None, access_log=False, server_header=False)
"""
_SETTLED = 5.0  # seconds after which a server counts as idle


class Start:
    """Starts a server, waits for it, looks at its memory if told so, and ends it."""

    def __init__(self, command: list[str], path: str, env: dict[str, str]) -> None:
        self._command = command
        self._path = path
        self._env = env
        self.port = 0

    def seconds(self) -> float:
        """From the start of the process to its first good answer."""
        took, process = self._start()
        process.kill()
        process.wait()
        return took

    def idle(self) -> tuple[float, float]:
        """Resident and proportional memory in MB, some seconds after it was ready."""
        _, process = self._start()
        time.sleep(_SETTLED)
        usage = process_usage(process.pid)
        process.kill()
        process.wait()
        return usage["rss"], usage["pss"]

    def _start(self) -> tuple[float, subprocess.Popen[bytes]]:
        port = free_port()
        command = [part.format(port=port) for part in self._command]
        url = f"http://127.0.0.1:{port}{self._path}"
        began = time.perf_counter()
        process = subprocess.Popen(
            command, env=self._env, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while not _answers(url):
            if process.poll() is not None:
                raise RuntimeError(f"{command[:3]} ended with {process.returncode}")
            time.sleep(0.005)
        return time.perf_counter() - began, process


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError as error:
        return "/ready" not in url and error.code == 404
    except OSError:
        return False
    return True


def measure(rounds: int) -> Iterator[Figure]:
    """Time to ready, and memory."""
    with tempfile.TemporaryDirectory() as folder:
        env = {key: value for key, value in os.environ.items() if not key.startswith("LEMNOS_")}
        env["LEMNOS_DATA"] = str(Path(folder, "data"))
        lemnos = str(Path(sys.executable).with_name("lemnos"))
        ours = Start([lemnos, "serve", "--port", "{port}"], "/ready", env)
        bare = Start([sys.executable, "-c", _EMPTY, "{port}"], "/", env)
        ours.seconds(), bare.seconds()  # the first start makes the database
        found = alternate(ours.seconds, bare.seconds, rounds)
        seen = found.seen("s", ".2f")
        yield Figure("lemnos serve to ready / empty FastAPI", found.median, "at most", 3, "", seen)
        sizes = [ours.idle() for _ in range(3)]
        empty, _ = bare.idle()
        rss, pss = (statistics.median(size) for size in zip(*sizes, strict=True))
        seen = f"proportional {pss:.0f} MB; empty FastAPI {empty:.0f} MB"
        yield Figure("idle memory, resident", rss, "at most", 130, "MB", seen)


if __name__ == "__main__":
    main(__doc__, measure)
