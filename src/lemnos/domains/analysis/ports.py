"""What the analysis domain needs from outside: repositories by object, and analysers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lemnos.domains.analysis.facts import Facts
from lemnos.domains.workspaces.ports import Remote


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit in a mirror of ours, ready to be read."""

    git_dir: Path
    commit: str
    branch: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a commit; ``size`` is that of its content in bytes."""

    path: str
    blob: str
    size: int


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a commit, symlinks and submodules left out. ``cut``: there are more."""

    entries: tuple[Entry, ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class Churn:
    """How much a file has changed in a period: lines added and removed, and in how many commits."""

    lines: int
    commits: int


class Repositories(Protocol):
    """Repositories read by object, without a checkout. Errors are ``LemnosError``."""

    async def check(self, remote: Remote, branch: str) -> None:
        """Ask the remote alone whether it is a repository with a commit and has the branch.

        Raises ``Invalid`` or ``NotFound``: ``repository_not_found``, ``repository_empty``,
        ``branch_not_found``.
        """
        ...

    async def open(self, remote: Remote, branch: str, commit: str) -> Revision:
        """Bring the mirror up to date and find the commit, ``commit_not_found`` if it is not there.

        An empty ``branch`` is the default one; an empty ``commit`` the tip of the branch. A commit
        may be shortened to 7 digits or more.
        """
        ...

    async def files(self, revision: Revision) -> Listing:
        """All files of the commit, in the order of their paths."""
        ...

    async def read(self, revision: Revision, blobs: Sequence[str]) -> Mapping[str, bytes]:
        """The contents of a few blobs; the caller knows their sizes and keeps the sum small."""
        ...

    async def churn(self, revision: Revision, since: int) -> Mapping[str, Churn]:
        """What has changed since a time (microseconds), by path; merges are not counted."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """One file to be measured."""

    path: str
    language: str
    content: bytes


class Analysers(Protocol):
    """Measures files, whatever is in them."""

    version: str  # changes when the same content would give other facts
    concurrency: int  # how many calls of :meth:`measure` are carried out at once

    def language_of(self, path: str) -> str:
        """The language of a file by its name; empty for what no analyser reads."""
        ...

    def refusal(self, path: str, size: int) -> str:
        """Why a file of this name and size need not even be read; empty for any other."""
        ...

    async def measure(self, sources: Sequence[Source]) -> list[Facts]:
        """Facts in the order of the sources. Never raises for what a file holds.

        A file that crashes or stalls an analyser, or needs too much memory, has ``problem`` set.
        """
        ...
