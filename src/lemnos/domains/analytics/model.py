"""Rankings and hotspots: what is measured, and what is made of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

DEFAULT_DAYS = 365  # of history
MAX_DAYS = 36_500
DEFAULT_LIMIT = 20
MAX_LIMIT = 100


class Strategy(StrEnum):
    """How files are ranked, in the words of the Hephaestus document."""

    RISK_WEIGHTED = "risk_weighted"
    COVERAGE_FIRST = "coverage_first"
    CHURN_BASED = "churn_based"
    COMPOSITE = "composite"


class Kind(StrEnum):
    """What others may send, beside what is found in the repository itself."""

    COVERAGE = "coverage"
    CHURN = "churn"


@dataclass(frozen=True, slots=True)
class Where:
    """Which repository: a folder by path, or that of a task; neither: the server's default."""

    workspace: str = ""
    task_id: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a source has sent of a repository; a later one of the same source replaces it.

    ``content`` has two numbers for each path: lines covered and lines that could be, or lines
    changed and commits that did it. ``commit`` is what was measured, empty if nobody said.
    """

    workspace: str
    kind: Kind
    source: str
    commit: str
    content: Mapping[str, tuple[int, int]]
    measured_at: int


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """How many of a file's lines tests run, of those that they could."""

    covered: int
    total: int

    @property
    def ratio(self) -> float | None:
        """From 0 to 1; None for a file without a line that could be run."""
        return self.covered / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Measured:
    """One file as it was measured.

    ``churn`` is lines added and removed in the period, ``revisions`` the commits that did it.
    ``coverage`` is None where nothing has measured it. ``complexity`` is the cyclomatic one of
    its worst function, ``lines`` are those of code; None where no analyser reads the file.
    """

    path: str
    churn: int = 0
    revisions: int = 0
    coverage: FileCoverage | None = None
    complexity: int | None = None
    lines: int | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """A file's place. ``terms`` are what the score is the sum of, already weighted.

    A term whose measure is not known is not among them. ``assumed_coverage`` is what the terms
    of coverage were reckoned with where the file's own is not known, but that of others is.
    """

    measured: Measured
    score: float
    terms: Mapping[str, float]
    assumed_coverage: float | None = None


@dataclass(frozen=True, slots=True)
class Rankings:
    """Files, the most worthwhile first. ``warnings`` say what could not be taken into account."""

    strategy: Strategy
    rankings: tuple[Ranking, ...]
    commit: str
    days: int
    files: int  # that were looked at
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Owner:
    """Who knows a file: the share of its changed lines that an author wrote in the period."""

    name: str
    share: float
    commits: int
    last_at: int  # microseconds


@dataclass(frozen=True, slots=True)
class Coupled:
    """A file that changes together with another one.

    ``degree`` is shared commits over the mean of both files' commits, from 0 to 1, as CodeScene
    and code-maat count it.
    """

    path: str
    degree: float
    shared: int


@dataclass(frozen=True, slots=True)
class Hotspot:
    """A file that is both complicated and often changed.

    ``score`` from 0 to 1 is revisions times complexity, each relative to the largest one.
    ``fragmentation`` from 0 (one author) to 1 is 1 minus the sum of the squared shares
    (D'Ambros, Lanza and Gall). ``coupling`` holds the strongest first.
    """

    measured: Measured
    score: float
    authors: int
    owners: tuple[Owner, ...]
    fragmentation: float
    coupling: tuple[Coupled, ...]


@dataclass(frozen=True, slots=True)
class Hotspots:
    """Hotspots, the hottest first."""

    hotspots: tuple[Hotspot, ...]
    commit: str
    days: int
    files: int
    commits: int
    warnings: tuple[str, ...] = ()
