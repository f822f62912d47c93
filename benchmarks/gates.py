"""Guard rails against the same tools by hand, on a project in two languages.

    python -m benchmarks.gates [--rounds N]

- One tool at a time against the same commands typed one after the other.
- ``lemnos guard-rails`` as it is, with a tool on each core, against the same.
- The same again when nothing has changed, against the first.

The project is Jinja2 with the sources of zod, both from their archives, judged by ruff, mypy, tsc,
pytest and vitest. The commands are those that the gates report to have run. Each way of judging
has a fresh copy of the project and begins without the caches of any tool.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.common import Figure, Ratios, main
from lemnos.domains.quality.model import GateReport, GateRequest
from lemnos.domains.quality.plain import plain_report
from lemnos.domains.quality.ports import Tree
from lemnos.runners.gates.gates import SandboxGates
from lemnos.runners.sandbox import choose_sandbox

JINJA = "jinja2==3.1.6"
GATES = ("lint", "format", "types", "tests")
MOST_ROUNDS = 3
SEQUENCE_TARGET, PARALLEL_TARGET, REPEAT_TARGET = 1.15, 0.7, 0.05


class Round:
    """The ways of judging a project, each with a copy of it and an empty data folder."""

    def __init__(self, folder: Path, project: Path) -> None:
        self._folder = folder
        self._project = project

    def one_by_one(self) -> tuple[float, GateReport]:
        """The gates with one tool at a time: seconds, and what they said."""
        tree = self._copy("sequence")
        gates = SandboxGates(choose_sandbox(), self._folder / "cache", jobs=1)
        request = GateRequest(no_format=True, gates=GATES)
        begun = time.perf_counter()
        report = asyncio.run(gates.run(Tree(tree), request))
        seconds = time.perf_counter() - begun
        demand_verdicts(plain_report(report), cached=False)
        return seconds, report

    def by_hand(self, report: GateReport) -> float:
        """The same commands, in the same order, their caches and reports in a folder of ours."""
        tree, folder = self._copy("hand"), self._folder / "desk"
        (folder / "reports").mkdir(parents=True)
        caches = ("RUFF_CACHE_DIR", "MYPY_CACHE_DIR", "XDG_CACHE_HOME", "COVERAGE_FILE")
        env = os.environ | {name: str(folder / name) for name in caches}
        env |= {"PYTHONDONTWRITEBYTECODE": "1", "CI": "true", "NO_COLOR": "1"}
        places = {str(self._folder / "sequence"): str(tree), "$TMP": str(folder)}
        commands = [_moved(command, places) for command in _commands(report)]
        begun = time.perf_counter()
        for command in commands:
            subprocess.run(command, cwd=tree, env=env, capture_output=True, check=False)
        return time.perf_counter() - begun

    def command(self) -> tuple[float, float]:
        """``lemnos guard-rails`` for the first time, and again."""
        tree = self._copy("command")
        return self._lemnos(tree, cached=False), self._lemnos(tree, cached=True)

    def _lemnos(self, tree: Path, *, cached: bool) -> float:
        options = [word for gate in GATES for word in ("--gate", gate)]
        command = [sys.executable, "-m", "lemnos.cli", "guard-rails", "--no-format", "--json"]
        env = os.environ | {"LEMNOS_DATA": str(self._folder / "data")}
        begun = time.perf_counter()
        done = subprocess.run(
            [*command, *options, str(tree)], env=env, capture_output=True, check=False
        )
        seconds = time.perf_counter() - begun
        demand_verdicts(json.loads(done.stdout), cached=cached)
        return seconds

    def _copy(self, name: str) -> Path:
        # Linked: what is installed is large, and no tool changes it.
        return shutil.copytree(
            self._project, self._folder / name, symlinks=True, copy_function=os.link
        )


def _commands(report: GateReport) -> Iterator[tuple[str, ...]]:
    """What was run, by each tool of each gate."""
    for result in report.results:
        tools = result.metadata.get("tools", {"": {"command": result.command}})
        yield from (tuple(tool["command"]) for tool in tools.values())


def _moved(command: tuple[str, ...], places: Mapping[str, str]) -> list[str]:
    words = list(command)
    for old, new in places.items():
        words = [word.replace(old, new) for word in words]
    return words


def demand_verdicts(report: Mapping[str, Any], *, cached: bool) -> None:
    """A gate that could not judge would be quick for nothing."""
    for gate in report["gates"]:
        said = gate["metadata"]
        if said["verdict"] not in ("passed", "failed") or said["cached"] is not cached:
            raise RuntimeError(f"{gate['name']}: {gate['message']} ({said['verdict']})")


def _project(folder: Path) -> Path:
    """Jinja2 with zod: files of the two do not meet but for those that say what they are."""
    from tests.support.projects import python_project, typescript_project

    python, script = python_project(folder / "python", JINJA), typescript_project(folder / "script")
    for path in (*script.iterdir(), *(script / "src").iterdir()):
        target = python / path.relative_to(script)
        if not target.exists():
            path.rename(target)
    shutil.rmtree(script)
    return python


def measure(rounds: int) -> Iterator[Figure]:
    """All three."""
    sequence, hand, parallel, again = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="lemnos-bench-") as place:
        project = _project(Path(place))
        for number in range(min(rounds, MOST_ROUNDS)):
            folder = Path(place) / str(number)
            folder.mkdir()
            at = Round(folder, project)
            seconds, report = at.one_by_one()
            sequence.append(seconds)
            hand.append(at.by_hand(report))
            first, second = at.command()
            parallel.append(first)
            again.append(second)
    cores = len(os.sched_getaffinity(0))
    figures = (
        ("guard rails, one tool at a time / by hand", sequence, hand, SEQUENCE_TARGET),
        (f"guard rails on {cores} cores / by hand", parallel, hand, PARALLEL_TARGET),
        ("guard rails when nothing has changed / first", again, parallel, REPEAT_TARGET),
    )
    for what, ours, bare, target in figures:
        found = Ratios(tuple(ours), tuple(bare))
        yield Figure(what, found.median, "at most", target, seen=found.seen("s", ".1f"))


if __name__ == "__main__":
    main(__doc__, measure)
