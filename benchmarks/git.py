"""The second task on a large repository against a plain clone of it, in one run.

    python -m benchmarks.git [--megabytes 50] [--files 2000] [--rounds 5]

Both go over ``file://``, so that git's own protocol and packing are in both and no network is.
The mirror is warm, as it is for any task but the first. Rounds alternate; the median counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path

from lemnos.adapters.git import GitCli
from lemnos.adapters.net import NetGuard
from lemnos.domains.workspaces.ports import Remote

COMMITS = 20
TARGET = 0.5


def make_repository(path: Path, megabytes: int, files: int) -> None:
    """A bare repository whose pack has this size: half of it the tip, half the history."""
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", path], check=True)
    command = ["git", "fast-import", "--quiet", "--done"]
    with subprocess.Popen(command, cwd=path, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.writelines(_history((megabytes << 20) // 2, files))
    subprocess.run(["git", "repack", "-adq"], cwd=path, check=True)


def _history(tip: int, files: int) -> Iterator[bytes]:
    """A first commit with all files, then commits that replace each about once.

    The content is noise in hex digits, which packs to half its size.
    """
    noise = random.Random(7)  # the same repository in each run
    for number in range(COMMITS):
        yield b"commit refs/heads/main\ncommitter B <b@localhost> %d +0000\ndata 0\n" % number
        changed = range(files) if number == 0 else noise.sample(range(files), files // COMMITS)
        for index in changed:
            data = noise.randbytes(tip // files).hex().encode()
            yield b"M 100644 inline d%d/f%d.txt\n" % (index % 50, index)
            yield b"data %d\n%s\n" % (len(data), data)
    yield b"done\n"


async def measure(megabytes: int, files: int, rounds: int) -> dict[str, float]:
    """Seconds of both, and their ratio."""
    root = Path(tempfile.mkdtemp(prefix="lemnos-bench-"))
    try:
        source = root / "source.git"
        make_repository(source, megabytes, files)
        port = GitCli(root / "mirrors", NetGuard([], [root]))
        remote = Remote(f"file://{source}")
        first = await _timed(port.checkout(remote, root / "first" / "tree"))
        clones, tasks = [], []
        for number in range(rounds):
            clones.append(await _timed(asyncio.to_thread(_clone, source, root / f"c{number}")))
            tasks.append(await _timed(port.checkout(remote, root / f"t{number}" / "tree")))
            shutil.rmtree(root / f"c{number}")
            shutil.rmtree(root / f"t{number}")
        packed = sum(pack.stat().st_size for pack in (source / "objects/pack").glob("*.pack"))
        port.close()
    finally:
        shutil.rmtree(root)
    clone, task = statistics.median(clones), statistics.median(tasks)
    return {
        "pack_mb": round(packed / (1 << 20), 1),
        "first_task_s": round(first, 3),
        "plain_clone_s": round(clone, 3),
        "second_task_s": round(task, 3),
        "ratio": round(task / clone, 3),
        "target": TARGET,
    }


def _clone(source: Path, into: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", f"file://{source}", into], check=True)


async def _timed(work: Awaitable[object]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


def main() -> None:
    """Print the figures as JSON; exit with 1 when the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    figures = asyncio.run(measure(asked.megabytes, asked.files, asked.rounds))
    print(json.dumps(figures, indent=2))
    raise SystemExit(figures["ratio"] > TARGET)


if __name__ == "__main__":
    main()
