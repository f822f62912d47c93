"""Where test runners leave their coverage files: by their usual names, wherever in the tree."""

from __future__ import annotations

import os
from collections import deque
from fnmatch import fnmatchcase
from pathlib import Path

MOST_FILES = 40
_DEEPEST = 6  # folders below the root: packages/name/build/reports/…
_MOST_ENTRIES = 50_000  # that are looked at, in all folders together
_NAMES = (
    ".coverage",
    ".coverage.*",  # of processes that ran side by side
    "coverage.json",
    "coverage-final.json",
    "coverage.xml",
    "cobertura*.xml",
    "lcov.info",
    "coverage.info",
    "*.lcov",
)
# Folders that hold the code of others, or nothing that a test run writes.
_SKIPPED = frozenset({"node_modules", "site-packages", "vendor", "venv", "env", "__pycache__"})


def coverage_files(root: Path) -> list[str]:
    """Their paths in the tree, those nearest to the root first. Links are not followed."""
    found: list[str] = []
    looked_at = 0
    folders = deque([("", 0)])
    while folders and looked_at < _MOST_ENTRIES and len(found) < MOST_FILES:
        folder, depth = folders.popleft()
        for entry in _entries(root / folder):
            looked_at += 1
            path = f"{folder}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if depth < _DEEPEST and _wanted(entry.name):
                    folders.append((f"{path}/", depth + 1))
            elif entry.is_file(follow_symlinks=False) and _is_coverage(entry.name):
                found.append(path)
    return found[:MOST_FILES]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []  # it has gone, or is not for us


def _wanted(folder: str) -> bool:
    return not folder.startswith(".") and folder not in _SKIPPED


def _is_coverage(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in _NAMES)
