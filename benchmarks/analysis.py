"""Analyses of large real repositories: Django from its source archive, RxJS from its npm package.

    python -m benchmarks.analysis [--rounds N]

- A full analysis of Django against the sum of the analysers that it calls, each run alone over the
  same files in one process: lizard, complexipy, and tree-sitter's parser with our queries.
- An incremental analysis after a change of one file against the full one.
- The memory of the process and of its analysers.

The sources are fetched once, from the package registries, into .tools/packages.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.common import Figure, Ratios, main
from lemnos.domains.analysis.model import AnalysisType, NewAnalysis, Status
from lemnos.runners.analysis.languages import language_of, tools_of
from lemnos.runners.analysis.measuring import MAX_BYTES
from lemnos.server import settle_memory

DJANGO = "Django==5.2.7"
RXJS = "rxjs@7.8.2"
MOST_ROUNDS = 3
FULL_TARGET, INCREMENTAL_TARGET, MEMORY_TARGET = 1.5, 0.05, 1024.0


def _alone(repository: Path) -> dict[str, float]:
    """Seconds that each analyser takes by itself for all files, one after the other."""
    import complexipy
    import lizard
    from tree_sitter import QueryCursor

    sources = [
        (path.name, language_of(path.name), path.read_bytes())
        for path in sorted(repository.rglob("*"))
        if path.is_file() and language_of(path.name) and ".min." not in path.name
    ]
    sources = [each for each in sources if len(each[2]) <= MAX_BYTES]

    def parse() -> None:
        for _, language, content in sources:
            parser, query = tools_of(language)
            QueryCursor(query).captures(parser.parse(content).root_node)

    def cognitive() -> None:
        for _, language, content in sources:
            if language == "python":
                try:
                    complexipy.code_complexity(content.decode(), with_plans=False)
                except ValueError:
                    continue

    def cyclomatic() -> None:
        analyzer = lizard.FileAnalyzer(lizard.get_extensions([]))
        for name, _, content in sources:
            analyzer.analyze_source_code(name, content.decode())

    named: dict[str, Callable[[], None]] = {
        "lizard": cyclomatic,
        "complexipy": cognitive,
        "tree-sitter": parse,
    }
    return {name: _seconds(work) for name, work in named.items()}


def _seconds(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


async def _analyses(
    repository: Path, source: Path, text: str, data: Path, rounds: int
) -> dict[str, list[float]]:
    """Seconds of full and incremental analyses, as they have counted them themselves, and of the
    analysers alone; and the memory of the worker processes in MB."""
    from tests.support.analyses import analysing, commit

    names = ("full", "incremental", "alone", "workers")
    seconds: dict[str, list[float]] = {name: [] for name in names}
    remark = "\n# {}\n" if source.suffix == ".py" else "\n// {}\n"
    async with analysing(data, repository.parent) as place:
        settle_memory()  # as a server does
        for number in range(rounds + 1):
            for kind in (AnalysisType.FULL, AnalysisType.INCREMENTAL):
                if kind is AnalysisType.INCREMENTAL:
                    text += remark.format(number)
                    commit(repository, {str(source.relative_to(repository)): text})
                ended = await place.run(NewAnalysis(str(repository), type=kind))
                if ended.status is not Status.COMPLETED:
                    raise RuntimeError(ended.error)
                if number:  # the first round starts the analysers and fills the caches
                    took = (ended.ended_at or 0) - (ended.started_at or 0)
                    seconds[kind.value].append(took / 1e6)
            if number:
                alone = await asyncio.to_thread(_alone, repository)
                seconds["alone"].append(sum(alone.values()))
        seconds["workers"] = [_peak(pid) for pid in place.pids]
    return seconds


def _source(repository: Path) -> Path:
    """A file that is worth a measurement."""
    return next(
        path
        for path in sorted(repository.rglob("*"))
        if path.is_file() and language_of(path.name) and path.stat().st_size > 5000
    )


def _peak(pid: int) -> float:
    """The most memory that a process has had, in MB."""
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(row.split()[1]) / 1024 for row in rows if row.startswith("VmHWM"))


def _of(name: str, fetched: Path, rounds: int) -> Iterator[Figure]:
    from tests.support.analyses import commit

    with tempfile.TemporaryDirectory(prefix="lemnos-bench-") as folder:
        repository = Path(folder) / "repository"
        shutil.copytree(fetched, repository)
        commit(repository, {}, when="2025-01-01T00:00:00Z")
        source = _source(repository)
        data = Path(folder) / "data"
        seconds = asyncio.run(_analyses(repository, source, source.read_text(), data, rounds))
    full = Ratios(tuple(seconds["full"]), tuple(seconds["alone"]))
    yield Figure(
        f"{name}: full analysis against its analysers alone",
        full.median,
        "at most",
        FULL_TARGET,
        seen=full.seen(f"s, on {len(os.sched_getaffinity(0))} cores and on one", ".1f"),
    )
    changed = Ratios(tuple(seconds["incremental"]), tuple(seconds["full"]))
    yield Figure(
        f"{name}: incremental after one file against full",
        changed.median,
        "at most",
        INCREMENTAL_TARGET if name == "Django" else None,
        seen=changed.seen("s", ".2f"),
    )
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    workers = seconds["workers"]
    yield Figure(
        f"{name}: most memory, analysers included",
        round(own + sum(workers)),
        "at most",
        MEMORY_TARGET,
        "MB",
        f"{own:.0f} and {', '.join(f'{each:.0f}' for each in workers)}",
    )


def measure(rounds: int) -> Iterator[Figure]:
    """Both repositories."""
    from tests.support.packages import fetch_npm, fetch_sdist

    rounds = min(rounds, MOST_ROUNDS)  # each takes half a minute
    yield from _of("Django", fetch_sdist(DJANGO), rounds)
    yield from _of("RxJS", fetch_npm(RXJS), rounds)


if __name__ == "__main__":
    main(__doc__, measure)
