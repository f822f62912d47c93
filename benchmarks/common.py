"""What the benchmarks share: figures with their targets, alternating rounds, real servers.

A machine is fast or slow by the minute; so what counts is a ratio of two things that were measured
one right after the other, in alternating order, and of several such ratios the median.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

ROOT = Path(__file__).parents[1]
ROUNDS = 5
_PATIENCE = 60.0  # seconds until a server is ready

sys.path.insert(0, str(ROOT))  # for the servers of tests/support

_LEMNOS = """
import sys
ballast = bytearray(b"x") * int(sys.argv[1])
from lemnos.settings import load
from lemnos.server import serve
sys.exit(serve(load()))
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report: what came out, and what was wanted of it."""

    what: str
    value: float
    sense: Literal["at least", "at most"]
    target: float | None  # None: shown for what it is
    unit: str = ""  # of value and target; empty for a ratio
    seen: str = ""  # the spread, and the absolute values behind it

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        if self.target is None:
            return True
        return self.value >= self.target if self.sense == "at least" else self.value <= self.target


@dataclass(frozen=True, slots=True)
class Ratios:
    """What several rounds have shown: ours and bare of each."""

    ours: tuple[float, ...]
    bare: tuple[float, ...]

    @property
    def each(self) -> list[float]:
        """The ratio of each round."""
        return [mine / theirs for mine, theirs in zip(self.ours, self.bare, strict=True)]

    @property
    def median(self) -> float:
        """The median of the ratios, which is not the ratio of the medians."""
        return statistics.median(self.each)

    def seen(self, unit: str, form: str = ".0f") -> str:
        """The spread of the ratios and the medians of both sides."""
        low, high = min(self.each), max(self.each)
        mine, theirs = (format(statistics.median(side), form) for side in (self.ours, self.bare))
        return f"{low:.2f} to {high:.2f}; {mine} against {theirs} {unit}"


def alternate(ours: Callable[[], float], bare: Callable[[], float], rounds: int) -> Ratios:
    """Measure both in each round, the first one first in every other round."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            mine, theirs = ours(), bare()
        else:
            theirs, mine = bare(), ours()
        pairs.append((mine, theirs))
    return Ratios(*zip(*pairs, strict=True))


class Lemnos:
    """The real server in a process of its own, on a free port of loopback.

    ``ballast``: bytes of memory that it holds for nothing. ``program`` is run with it as its only
    argument instead of the plain server, for variants of it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ballast: int = 0,
        program: str = _LEMNOS,
        **settings: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = folder / "data"
        env = {key: value for key, value in os.environ.items() if not key.startswith("LEMNOS_")}
        env |= {"LEMNOS_DATA": str(self.data), "LEMNOS_PORT": "0"}
        # The key's own rate must not be what is measured; the limiter works all the same.
        env["LEMNOS_RATE_TIERS"] = '{"standard": [60000000, 60, 1000000]}'
        env |= {f"LEMNOS_{name.upper()}": value for name, value in settings.items()}
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program, str(ballast)],
                env=env,
                stderr=log,
                cwd=folder,
                start_new_session=True,
            )
        atexit.register(self.stop)
        self.url = self._wait()
        self.key = (self.data / "api.key").read_text().strip()

    def _wait(self) -> str:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                told = json.loads((self.data / "server.json").read_text())
            except (OSError, ValueError):
                time.sleep(0.02)
                continue
            if told["pid"] == self.process.pid:
                return str(told["url"])
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(self._log.read_text()[-4000:])

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request; the answer's JSON."""
        return json.loads(self.raw(method, path, body))

    def raw(self, method: str, path: str, body: object = None) -> bytes:
        """One request; the answer's body."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, self.headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def rest(self, task_id: str, timeout: float = 60.0) -> dict[str, Any]:
        """Wait for a task to end; the task as it is then."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            task: dict[str, Any] = self.call("GET", f"/api/v1/tasks/{task_id}")
            if task["status"] in {"completed", "failed", "cancelled", "paused"}:
                return task
            time.sleep(0.02)
        raise TimeoutError(f"the task {task_id} is still {task['status']}")

    def stop(self) -> None:
        """End it, and whatever agent it runs, at once."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


Measure = Callable[[int], Iterator[Figure] | Sequence[Figure]]


def main(what: str | None, measure: Measure) -> None:
    """The command line of a benchmark: figures as text, or one JSON document a line.

    ``measure`` gets the number of rounds.
    """
    options = argparse.ArgumentParser(
        description=what, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    for figure in measure(asked.rounds):
        print(json.dumps(asdict(figure)) if asked.json else line(figure), flush=True)


def line(figure: Figure) -> str:
    """A figure for people."""
    value = shown(figure.value, figure.unit)
    return f"{figure.what:66} {value:>9}  {wanted(figure):18} {verdict(figure):8} {figure.seen}"


def wanted(figure: Figure) -> str:
    """The target, in words."""
    if figure.target is None:
        return ""
    return f"{figure.sense} {shown(figure.target, figure.unit)}"


def verdict(figure: Figure) -> str:
    """Whether the target is met, in words."""
    if figure.target is None:
        return ""
    return "met" if figure.met else "not met"


def shown(value: float, unit: str) -> str:
    """A value with its unit."""
    return f"{value:.{0 if value == int(value) else 1}f} {unit}" if unit else f"{value:.2f}"


def process_usage(pid: int) -> Mapping[str, float]:
    """What a process takes: ``rss`` and ``pss`` in MB, ``cpu`` in seconds, ``threads``."""
    status = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    sizes = {row.split(":")[0]: int(row.split()[1]) for row in status[1:] if row.endswith("kB")}
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return {
        "rss": sizes["Rss"] / 1024,
        "pss": sizes["Pss"] / 1024,
        "cpu": ticks / os.sysconf("SC_CLK_TCK"),
        "threads": float(fields[17]),
    }
