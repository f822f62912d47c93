"""Rankings of a repository with 20,000 commits against what they cannot do without.

    python -m benchmarks.rankings [--rounds N]

- The rankings, from nothing: history, complexity, coverage files and scores. Against them stand
  `git log --numstat` of the same commits and, after it, the analysers for the same files by
  themselves, on as many cores.
- The same rankings once more, when nothing has changed.

The repository is made once, with `git fast-import`, and kept in .tools/benchmarks.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common import ROOT, Figure, Ratios, main
from lemnos.domains.analysis.gathering import BATCH_BYTES, BATCH_FILES, grouped
from lemnos.domains.analysis.ports import Source
from lemnos.domains.analysis.selection import Chosen
from lemnos.domains.analytics.model import MAX_DAYS
from lemnos.main.analytics import opened_alone
from lemnos.runners.analysis.pool import AnalyserPool

COMMITS, FILES = 20_000, 1_000
FIRST_TARGET, AGAIN_TARGET = 1.3, 0.05
MOST_ROUNDS = 3
_KEPT = ROOT / ".tools" / "benchmarks"
_BEGUN = 1_700_000_000  # seconds: the time of the first commit
_CLEAN = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def repository() -> Path:
    """The repository, made if it is not there yet: half a minute."""
    path = _KEPT / f"history-{COMMITS}-{FILES}.git"
    if path.is_dir():
        return path
    making = path.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    _git("init", "--quiet", "--bare", "--initial-branch=main", str(making))
    importing = subprocess.Popen(
        ["git", "fast-import", "--quiet"], cwd=making, env=_CLEAN, stdin=subprocess.PIPE
    )
    assert importing.stdin is not None
    with importing.stdin as stream:
        for piece in _history():
            stream.write(piece)
    if importing.wait():
        raise RuntimeError("git fast-import has failed")
    _git("repack", "-adq", cwd=making)
    making.rename(path)
    return path


def _history() -> Iterator[bytes]:
    """Commits that change a few lines of a few files each; some files far more often than others.

    As in real repositories: the same seed makes the same commits.
    """
    chance = random.Random(4)
    files = [_source(number) for number in range(FILES)]
    for commit in range(COMMITS):
        author = f"Author {commit % 23} <author{commit % 23}@example.com>"
        yield (
            f"commit refs/heads/main\nmark :{commit + 1}\n"
            f"committer {author} {_BEGUN + commit * 900} +0000\n"
        ).encode() + _data(f"Change {commit}")
        if commit:
            yield f"from :{commit}\n".encode()
        changed = range(FILES) if not commit else _some(chance)
        for number in changed:
            lines = files[number]
            for _ in range(chance.randrange(1, 6)):
                at = chance.randrange(len(lines) // 10) * 10 + 6
                lines[at] = f"        total += {chance.randrange(10_000)}"
            path = f"src/package{number % 40}/module{number}.py"
            yield f"M 100644 inline {path}\n".encode() + _data("\n".join(lines))


def _some(chance: random.Random) -> set[int]:
    """The numbers of one to six files; low ones come up most."""
    return {int(FILES * chance.random() ** 3) for _ in range(chance.randrange(1, 7))}


def _source(number: int) -> list[str]:
    """A module of functions, ten lines each."""
    lines = []
    for each in range(10 + number % 20):
        lines += [
            f"def work_{number}_{each}(items, limit={each}):",
            f'    """Adds up what is over the limit; number {each}."""',
            "    total = 0",
            "    for item in items:",
            "        if item > limit and item % 2:",
            "            total += item",
            "        total += 0",
            "    return total",
            "",
            "",
        ]
    return lines


def _data(text: str) -> bytes:
    raw = text.encode()
    return b"data %d\n%s\n" % (len(raw), raw)


def _git(*arguments: str, cwd: Path | None = None) -> bytes:
    return subprocess.run(
        ["git", *arguments], cwd=cwd, env=_CLEAN, check=True, capture_output=True
    ).stdout


def _log(path: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(
        ["git", "log", "--numstat"], cwd=path, env=_CLEAN, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - begun


def _contents(path: Path) -> list[tuple[str, bytes]]:
    names = _git("ls-tree", "-r", "--name-only", "main", cwd=path).decode().splitlines()
    return [(name, _git("show", f"main:{name}", cwd=path)) for name in names]


async def _analysers(contents: list[tuple[str, bytes]]) -> float:
    """Seconds that the analysers take alone, from their start, in batches as they always are."""
    files = [Chosen(name, str(at), len(c), "python") for at, (name, c) in enumerate(contents)]
    begun = time.perf_counter()
    pool = AnalyserPool()
    try:
        batches = [
            [Source(file.path, file.language, contents[int(file.blob)][1]) for file in batch]
            for batch in grouped(files, BATCH_BYTES, BATCH_FILES)
        ]
        await asyncio.gather(*map(pool.measure, batches))
    finally:
        pool.close()
    return time.perf_counter() - begun


async def _rankings(path: Path) -> tuple[float, float]:
    """Seconds of the first time, from nothing, and of the second."""
    begun = time.perf_counter()
    async with opened_alone(path) as (measurer, opened):
        found = await measurer.rankings("bench", opened, days=MAX_DAYS)
        first = time.perf_counter()
        again = await measurer.rankings("bench", opened, days=MAX_DAYS)
        ended = time.perf_counter()
    counted = sum(each.measured.revisions for each in found.rankings)
    if found.files != FILES or counted < COMMITS // 10 or again != found:
        raise RuntimeError("the rankings are not what they should be")
    return first - begun, ended - first


def measure(rounds: int) -> Iterator[Figure]:
    """Both figures."""
    path = repository()
    contents = _contents(path)
    ours, again, bare = [], [], []
    for number in range(min(rounds, MOST_ROUNDS)):
        sides = [lambda: asyncio.run(_rankings(path)), lambda: _alone(path, contents)]
        if number % 2:
            mine, theirs = sides[0](), sides[1]()
        else:
            theirs, mine = sides[1](), sides[0]()
        ours.append(mine[0])
        again.append(mine[1])
        bare.append(sum(theirs))
    first = Ratios(tuple(ours), tuple(bare))
    yield Figure(
        f"rankings of {COMMITS} commits / git log --numstat and the analysers",
        *(first.median, "at most", FIRST_TARGET),
        seen=first.seen("s", ".1f"),
    )
    repeat = Ratios(tuple(again), tuple(ours))
    yield Figure(
        "the same rankings again / the first time",
        *(repeat.median, "at most", AGAIN_TARGET),
        seen=repeat.seen("s", ".2f"),
    )


def _alone(path: Path, contents: list[tuple[str, bytes]]) -> tuple[float, float]:
    return _log(path), asyncio.run(_analysers(contents))


if __name__ == "__main__":
    main(__doc__, measure)
