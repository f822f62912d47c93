"""What a history says of each file: how much it changed, by whom, and what with. Pure.

It is fed commit by commit, the newest first, and keeps sums only, so that its memory grows with
the files and not with the commits.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lemnos.domains.analytics.ports import Author, FileChange

# A commit of more files than this says nothing of any two of them (code-maat's default).
MOST_TOGETHER = 30
_MOST_KEPT = 8_000_000  # places in commits that are kept to count pairs: 32 MB


@dataclass(slots=True)
class Authored:
    """What one author has done to one file; ``last_at`` in microseconds."""

    added: int = 0
    commits: int = 0
    last_at: int = 0


@dataclass(slots=True)
class FileHistory:
    """What has happened to one file. ``together`` counts its commits of few files."""

    churn: int = 0
    revisions: int = 0
    together: int = 0
    authors: dict[Author, Authored] = field(default_factory=dict)


class Changes:
    """Adds up commits. A file that was renamed is counted under the name that it has now."""

    def __init__(self) -> None:
        self.commits = 0
        self.files: dict[str, FileHistory] = {}
        self.cut = False  # whether older commits were too many to count pairs in them
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._renamed: dict[str, str] = {}
        self._sizes = array("H")  # of each kept commit
        self._members = array("I")  # the numbers of their files, one commit after the other

    def add(self, author: Author, at: int, files: Sequence[FileChange]) -> None:
        """The next older commit: who, when (microseconds), and what."""
        self.commits += 1
        few = 1 < len(files) <= MOST_TOGETHER
        numbers = set[int]()
        for change in files:
            path = self._renamed.get(change.path, change.path)
            if change.old_path:
                self._renamed[change.old_path] = path
            history = self.files.get(path)
            if history is None:
                history = self.files[path] = FileHistory()
                self._numbers[path] = len(self._names)
                self._names.append(path)
            _count(history, author, at, change)
            if len(files) <= MOST_TOGETHER:
                history.together += 1
            if few:
                numbers.add(self._numbers[path])
        if few:
            self._keep(numbers)

    def shared(self, paths: Collection[str]) -> Mapping[str, Counter[str]]:
        """For each of a few files, in how many commits it changed together with which others."""
        wanted = {self._numbers[path] for path in paths if path in self._numbers}
        counted: dict[int, Counter[int]] = {number: Counter() for number in wanted}
        for members in self._kept():
            for number in wanted.intersection(members):
                counted[number].update(members)
        names = self._names
        return {
            names[number]: Counter({names[o]: n for o, n in others.items() if o != number})
            for number, others in counted.items()
        }

    def _keep(self, numbers: Collection[int]) -> None:
        if len(self._members) >= _MOST_KEPT:
            self.cut = True
            return
        self._sizes.append(len(numbers))
        self._members.extend(numbers)

    def _kept(self) -> Iterator[array[int]]:
        at = 0
        for size in self._sizes:
            yield self._members[at : at + size]
            at += size


def _count(history: FileHistory, author: Author, at: int, change: FileChange) -> None:
    history.churn += change.added + change.removed
    history.revisions += 1
    done = history.authors.get(author)
    if done is None:
        done = history.authors[author] = Authored()
    done.added += change.added
    done.commits += 1
    done.last_at = max(done.last_at, at)
