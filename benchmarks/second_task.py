"""The second task on a 50 MB repository against a plain clone: the figure of benchmarks.git.

``python -m benchmarks.second_task``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from benchmarks.common import Figure, main
from benchmarks.git import TARGET
from benchmarks.git import measure as measure_git


def measure(rounds: int) -> Iterator[Figure]:
    """Seconds of both, and their ratio."""
    found = asyncio.run(measure_git(50, 2000, rounds))
    seen = f"{found['second_task_s']:.2f} against {found['plain_clone_s']:.2f} s"
    what = "second task on a 50 MB repository / plain clone"
    yield Figure(what, found["ratio"], "at most", TARGET, "", seen)


if __name__ == "__main__":
    main(__doc__, measure)
