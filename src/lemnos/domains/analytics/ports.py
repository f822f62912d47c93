"""What analytics needs from outside: histories and coverage files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

from lemnos.domains.analysis.facts import Facts
from lemnos.domains.analysis.ports import Listing, Revision
from lemnos.domains.analysis.selection import Chosen
from lemnos.domains.workspaces.ports import Checkout

# Whether a folder outside of a repository that it says to use (a worktree's main repository,
# borrowed objects) may be read.
Allowed: TypeAlias = Callable[[Path], bool]


class FileChange(NamedTuple):
    """One file of a commit. ``old_path`` is what it was called before, if that is another name."""

    path: str
    added: int
    removed: int
    old_path: str = ""


class Author(NamedTuple):
    """Who wrote a commit, as the repository's mailmap has them."""

    email: str
    name: str


# Called for each commit, the newest first, on a thread that is not the event loop's: who, when
# (microseconds), and the files. Merges are left out.
OnCommit: TypeAlias = Callable[[Author, int, Sequence[FileChange]], None]


@dataclass(frozen=True, slots=True)
class Opened:
    """A repository, ready to be read at one commit.

    ``root`` is its work tree, or its git directory if it is bare. ``prefix`` is where in it the
    folder lies that was asked for (``src/``; empty: it is the root). ``shallow``: its history is
    cut off.
    """

    root: Path
    revision: Revision
    committed_at: int
    prefix: str = ""
    bare: bool = False
    shallow: bool = False


class History(Protocol):
    """Repositories on this machine, read by object: no configuration of theirs is in force."""

    def open(self, folder: Path, allowed: Allowed) -> AbstractAsyncContextManager[Opened]:
        """The repository that a folder is in, at HEAD.

        Raises ``Invalid`` with code ``not_a_repository``, ``empty_repository``,
        ``path_not_allowed`` or ``repository_unreadable``.
        """
        ...

    def open_checkout(self, checkout: Checkout) -> AbstractAsyncContextManager[Opened]:
        """The repository of a task, at the commit from which its work began."""
        ...

    async def files(self, revision: Revision) -> Listing:
        """All files of the commit."""
        ...

    async def read(self, revision: Revision, blobs: Sequence[str]) -> Mapping[str, bytes]:
        """The contents of a few blobs."""
        ...

    async def log(self, revision: Revision, since: int, take: OnCommit) -> None:
        """Hand over all commits since a time (microseconds), as git tells them: a stream."""
        ...


class FactsReader(Protocol):
    """Measures files by themselves; what is known already may come from a cache."""

    def language_of(self, path: str) -> str:
        """The language of a file by its name; empty for what no analyser reads."""
        ...

    def refusal(self, path: str, size: int) -> str:
        """Why a file is not measured; empty for any other."""
        ...

    def measured(
        self, tenant: str, revision: Revision, files: Sequence[Chosen]
    ) -> AsyncIterator[tuple[Chosen, Facts]]:
        """Each file with its facts, in any order."""
        ...


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a file as two sets of bits, bit n standing for line n: run, and runnable."""

    covered: int
    runnable: int

    def joined(self, other: Lines) -> Lines:
        """What either of two reports has seen."""
        return Lines(self.covered | other.covered, self.runnable | other.runnable)


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """One coverage file as it was read; its paths are as its writer has seen them.

    ``name`` is its path in the repository, ``roots`` the folders that its paths may be relative
    to, ``measured_at`` microseconds.
    """

    name: str
    measured_at: int
    files: Mapping[str, Lines]
    roots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundCoverage:
    """All coverage files of a tree; ``warnings`` are of those that can't be read."""

    reports: tuple[CoverageReport, ...] = ()
    warnings: tuple[str, ...] = ()


class CoverageFiles(Protocol):
    """Finds and reads what test runs have left in a tree."""

    async def read(self, root: Path, known: Collection[str]) -> FoundCoverage:
        """Read them all; ``known`` are the repository's files. Never raises for what they hold."""
        ...
