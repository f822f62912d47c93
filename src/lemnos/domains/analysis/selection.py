"""Which files of a commit are measured, and what is said of the others."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lemnos.domains.analysis.imports import MANIFESTS
from lemnos.domains.analysis.model import FileMetrics, Options
from lemnos.domains.analysis.patterns import Patterns
from lemnos.domains.analysis.ports import Analysers, Entry, Listing

MAX_FILES = 50_000  # measured in one analysis: what fits into the memory of a small server
# Folders with the code of others, which nobody is going to improve here [ours].
NOT_OURS = frozenset({"node_modules", "vendor", "third_party", "bower_components", "site-packages"})
_MAX_MANIFESTS = 500
_MAX_MANIFEST = 256 << 10  # bytes


@dataclass(frozen=True, slots=True)
class Chosen:
    """A file to be measured."""

    path: str
    blob: str
    size: int
    language: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What to measure. ``total`` counts all source files, also those that were refused."""

    files: tuple[Chosen, ...]
    refused: tuple[FileMetrics, ...]
    manifests: tuple[Entry, ...]
    total: int
    notes: tuple[str, ...]


def select(listing: Listing, options: Options, analysers: Analysers) -> Selection:
    """Choose by language and patterns, up to the limit."""
    include = Patterns(options.include_patterns)
    exclude = Patterns(options.exclude_patterns)
    files: list[Chosen] = []
    refused: list[FileMetrics] = []
    total = 0
    for entry in listing.entries:
        language = analysers.language_of(entry.path)
        if not language or not _wanted(entry.path, include, exclude):
            continue
        total += 1
        if len(files) + len(refused) >= MAX_FILES:
            continue
        if problem := analysers.refusal(entry.path, entry.size):
            refused.append(FileMetrics(entry.path, language, entry.blob, problem=problem))
        else:
            files.append(Chosen(entry.path, entry.blob, entry.size, language))
    manifests = _manifests(listing.entries)
    return Selection(tuple(files), tuple(refused), manifests, total, tuple(_notes(listing, total)))


def _wanted(path: str, include: Patterns, exclude: Patterns) -> bool:
    if _foreign(path) or exclude.match(path):
        return False
    return not include or include.match(path)


def _foreign(path: str) -> bool:
    return not NOT_OURS.isdisjoint(path.split("/"))


def _manifests(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Those nearest to the root first, as a limit must not cut off the ones that matter."""
    found = [
        entry
        for entry in entries
        if posixpath.basename(entry.path) in MANIFESTS
        and entry.size <= _MAX_MANIFEST
        and not _foreign(entry.path)
    ]
    found.sort(key=lambda entry: (entry.path.count("/"), entry.path))
    return tuple(found[:_MAX_MANIFESTS])


def _notes(listing: Listing, total: int) -> Iterator[str]:
    if listing.cut:
        yield (
            f"The commit has more files than can be listed: the first {len(listing.entries)} "
            "were looked at."
        )
    if total > MAX_FILES:
        yield (
            f"{total} source files match; the first {MAX_FILES} in the order of their paths were "
            "measured. Patterns can choose others."
        )


def is_test(path: str) -> bool:
    """Whether a file is a test, by the customs of its language."""
    folders, name = posixpath.split(path.lower())
    if {"test", "tests", "__tests__", "spec", "specs", "testing"} & set(folders.split("/")):
        return True
    stem = name.partition(".")[0]
    return (
        stem.startswith("test_")
        or stem.endswith(("_test", "_tests", "_spec"))
        or ".test." in name
        or ".spec." in name
        or name in ("conftest.py", "tests.py")
        or (name.endswith((".java", ".cs")) and stem.endswith(("test", "tests")))
    )
