"""All benchmarks one after the other, each in a process of its own: a table, and the report.

``python -m benchmarks [NAME…] [--rounds N] [--report docs/benchmarks.md]``. Named ones are only
printed; a run of all of them writes the report anew.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.common import ROOT, ROUNDS, Figure, line, shown, verdict, wanted

PARTS = (
    "api", "agent_events", "stream", "start_agent", "second_task", "pages", "startup", "waiting",
    "routing", "gateway", "analysis", "gates", "cleanup", "rankings",
)  # fmt: skip
LONGEST = 240.0  # seconds for one of them
REPORT = ROOT / "docs" / "benchmarks.md"
_HEAD = """# Benchmarks

Written by `make bench`; each benchmark says at its top what it compares, in `benchmarks/`. A
figure without a unit is a ratio of two things measured one right after the other, the median of
several alternating rounds; behind it are the lowest and the highest ratio and the medians of both
sides. On a shared machine the absolute values say little.

{date}, {machine}, Python {python}; load before the run {load}.

| what | figure | wanted | | seen |
|---|---|---|---|---|
"""


def figures(name: str, rounds: int) -> Iterator[Figure]:
    """What a benchmark finds, as it finds it. Raises ``RuntimeError`` when it fails."""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", "--rounds", str(rounds)]
    ended = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, timeout=LONGEST, check=False, text=True
    )
    for row in ended.stdout.splitlines():
        yield Figure(**json.loads(row))
    if ended.returncode:
        raise RuntimeError(f"{name} has ended with {ended.returncode}")


def report(found: Sequence[Figure], load: str) -> str:
    """The report in Markdown."""
    head = _HEAD.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=f"{os.cpu_count()} cores, {_processor()}, {platform.system()}",
        python=platform.python_version(),
        load=load,
    )
    rows = (
        f"| {one.what} | {shown(one.value, one.unit)} | {wanted(one)} | {verdict(one)} "
        f"| {one.seen} |\n"
        for one in found
    )
    return head + "".join(rows)


def _processor() -> str:
    try:
        rows = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (row.partition(":")[2].strip() for row in rows if row.startswith("model name"))
    return next(names, platform.machine())


def main() -> int:
    """Run those that are named, or all; 1 when one of them has failed."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("names", nargs="*", choices=(*PARTS, []), metavar="NAME")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--report", type=Path, default=REPORT)
    asked = options.parse_args()
    load = f"{os.getloadavg()[0]:.1f}"
    found: list[Figure] = []
    failed = False
    for name in asked.names or PARTS:
        try:
            for figure in figures(name, asked.rounds):
                found.append(figure)
                print(line(figure), flush=True)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
    if not asked.names and not failed:
        asked.report.write_text(report(found, load))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
