"""Removing a ``node_modules`` of 100,000 files against ``rm -rf`` of the same.

Both work on fresh trees that were written just before, in a git repository. The files are empty,
and in memory where there is a folder for that: on a disk the work of the journal falls into either
measurement by chance (on ext4 rounds of one run gave from 0.3 to 4).
``python -m benchmarks.cleanup``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common import Figure, alternate, main
from lemnos.runners.cleanup import root
from lemnos.runners.cleanup.cleaner import FolderCleaner

FILES, FOLDERS = 100_000, 5_000
TARGET = 2.0
_MEMORY = "/dev/shm"


def measure(rounds: int) -> Iterator[Figure]:
    """The ratio of both."""
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="lemnos-cleanup-", dir=memory))
    root.demand_ordinary = _nothing  # type: ignore[attr-defined]  # /dev/shm is the system's
    try:
        project = folder / "project"
        _make_project(project)
        found = alternate(lambda: _ours(project), lambda: _rm(project), rounds)
        what = "cleanup of 100,000 files / rm -rf"
        yield Figure(what, found.median, "at most", TARGET, "", found.seen("s", ".2f"))
    finally:
        shutil.rmtree(folder)


def _nothing(*_: object, **__: object) -> None:
    """Any folder may be cleaned here."""


def _make_project(project: Path) -> None:
    project.mkdir()
    (project / "package.json").write_text("{}")
    subprocess.run(("git", "init", "--quiet", project), check=True)
    subprocess.run(("git", "add", "package.json"), cwd=project, check=True)


def _ours(project: Path) -> float:
    _fill(project / "node_modules")
    begun = time.perf_counter()
    cleaned = FolderCleaner().clean_now(project, deep_clean=True)
    took = time.perf_counter() - begun
    if cleaned.files_deleted != FILES or cleaned.errors:
        raise RuntimeError(f"{cleaned.files_deleted} files went: {cleaned.errors[:3]}")
    return took


def _rm(project: Path) -> float:
    _fill(project / "node_modules")
    begun = time.perf_counter()
    subprocess.run(("rm", "-rf", project / "node_modules"), check=True)
    return time.perf_counter() - begun


def _fill(folder: Path) -> None:
    """Packages of 20 small files in each of the folders, two deep, as npm leaves them."""
    each = FILES // FOLDERS
    for number in range(FOLDERS):
        inner = folder / f"package{number // 10}" / f"lib{number % 10}"
        inner.mkdir(parents=True)
        for name in range(each):
            (inner / f"module{name}.js").touch()


if __name__ == "__main__":
    main(__doc__, measure)
