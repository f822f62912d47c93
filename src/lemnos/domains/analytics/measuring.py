"""Measures a repository for rankings and hotspots: its history, its files, its coverage.

What is committed is measured, at HEAD: churn is of commits, and so is everything that stands
beside it. Needs no server and no database, so that the command line works alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from lemnos.domains.analysis.facts import Facts
from lemnos.domains.analysis.ports import Entry
from lemnos.domains.analysis.selection import MAX_FILES, NOT_OURS, Chosen, is_test
from lemnos.domains.analytics.changes import Changes
from lemnos.domains.analytics.coverage import Tree, merged
from lemnos.domains.analytics.hotspots import hotspots
from lemnos.domains.analytics.keeping import Kept
from lemnos.domains.analytics.matching import matched
from lemnos.domains.analytics.model import (
    DEFAULT_DAYS,
    DEFAULT_LIMIT,
    FileCoverage,
    Hotspots,
    Kind,
    Measured,
    Measurement,
    Ranking,
    Rankings,
    Strategy,
)
from lemnos.domains.analytics.ports import (
    CoverageFiles,
    FactsReader,
    FoundCoverage,
    History,
    Opened,
)
from lemnos.domains.analytics.problems import check_days, check_limit
from lemnos.domains.analytics.ranking import overall_coverage, rank, ranking
from lemnos.kernel import clock
from lemnos.kernel.clock import SECOND

_DAY = 86_400 * SECOND


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of a commit: all there are, and those of code with their facts."""

    paths: frozenset[str]
    facts: tuple[tuple[str, Facts], ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Survey:
    """All that was measured, before anything is ranked."""

    changes: Changes
    files: _Files
    coverage: dict[str, FileCoverage]
    churn: dict[str, tuple[int, int]]  # as others have sent it
    warnings: tuple[str, ...]

    def measured(self, *, tests: bool) -> list[Measured]:
        """The files of code, with or without those that are tests."""
        return [
            self._measured(path, facts)
            for path, facts in self.files.facts
            if tests or not is_test(path)
        ]

    def _measured(self, path: str, facts: Facts) -> Measured:
        history = self.changes.files.get(path)
        churn, revisions = (history.churn, history.revisions) if history else (0, 0)
        if path in self.churn:
            churn, revisions = self.churn[path]
        readable = not facts.problem
        return Measured(
            path=path,
            churn=churn,
            revisions=revisions,
            coverage=self.coverage.get(path),
            # A file without a function has one path through it.
            complexity=max(facts.cyclomatic, 1) if readable else None,
            lines=facts.lines_of_code if readable else None,
        )


class Measurer:
    """Ranks the files of an opened repository. ``sent`` is what others have measured of it."""

    def __init__(self, history: History, facts: FactsReader, coverage: CoverageFiles) -> None:
        self._history = history
        self._facts = facts
        self._coverage = coverage
        self._changes = Kept[Changes]()
        self._files = Kept[_Files]()

    async def rankings(
        self,
        tenant: str,
        opened: Opened,
        *,
        strategy: Strategy = Strategy.COMPOSITE,
        limit: int = DEFAULT_LIMIT,
        days: int = DEFAULT_DAYS,
        sent: Sequence[Measurement] = (),
    ) -> Rankings:
        """The files most worth a refactoring. Tests are left out: coverage says nothing of them.

        Raises ``Invalid`` for a limit or a period out of range.
        """
        survey = await self._survey(tenant, opened, limit, days, sent)
        measured = survey.measured(tests=False)
        ranked = await asyncio.to_thread(rank, strategy, measured, limit)
        return Rankings(
            strategy=strategy,
            rankings=ranked,
            commit=opened.revision.commit,
            days=days,
            files=len(measured),
            warnings=(*survey.warnings, *_unmeasured(measured)),
        )

    async def ranking(
        self,
        tenant: str,
        opened: Opened,
        path: str,
        *,
        strategy: Strategy = Strategy.COMPOSITE,
        days: int = DEFAULT_DAYS,
        sent: Sequence[Measurement] = (),
    ) -> Ranking | None:
        """One file of the rankings, whatever its place; None for one that is not among them."""
        survey = await self._survey(tenant, opened, DEFAULT_LIMIT, days, sent)
        measured = survey.measured(tests=False)
        found = next((each for each in measured if each.path == path), None)
        return ranking(strategy, found, overall_coverage(measured)) if found else None

    async def hotspots(
        self,
        tenant: str,
        opened: Opened,
        *,
        limit: int = DEFAULT_LIMIT,
        days: int = DEFAULT_DAYS,
        sent: Sequence[Measurement] = (),
    ) -> Hotspots:
        """The files that are both complicated and often changed, tests too."""
        survey = await self._survey(tenant, opened, limit, days, sent)
        measured = survey.measured(tests=True)
        hottest = await asyncio.to_thread(
            hotspots, measured, survey.changes, limit, among=survey.files.paths
        )
        return Hotspots(
            hotspots=hottest,
            commit=opened.revision.commit,
            days=days,
            files=len(measured),
            commits=survey.changes.commits,
            warnings=survey.warnings,
        )

    async def _survey(
        self, tenant: str, opened: Opened, limit: int, days: int, sent: Sequence[Measurement]
    ) -> _Survey:
        check_limit(limit)
        check_days(days)
        key = (str(opened.root), opened.revision.commit)
        # Whole days, so that it can be kept for one; git knows no time before 1970.
        since = max(clock.now() // _DAY - days, 0) * _DAY
        # Meanwhile: git and the analysers are processes of their own.
        reading = asyncio.ensure_future(
            self._changes.get((*key, since), lambda: self._read_changes(opened, since))
        )
        try:
            files = await self._files.get(
                (*key, tenant, opened.prefix), lambda: self._read_files(tenant, opened)
            )
            found = await self._read_coverage(opened, files)
            changes = await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        return await asyncio.to_thread(_surveyed, opened, days, changes, files, found, sent)

    async def _read_changes(self, opened: Opened, since: int) -> Changes:
        changes = Changes()
        await self._history.log(opened.revision, since, changes.add)
        return changes

    async def _read_files(self, tenant: str, opened: Opened) -> _Files:
        listing = await self._history.files(opened.revision)
        chosen, warnings = await asyncio.to_thread(self._choose, listing.entries, opened.prefix)
        if listing.cut:
            warnings.append(f"Only the first {len(listing.entries)} files were looked at.")
        measured = self._facts.measured(tenant, opened.revision, chosen)
        facts = [(file.path, _slim(each)) async for file, each in measured]
        broken = sum(bool(each.problem) for _, each in facts)
        if broken:
            warnings.append(f"Files that can't be parsed, their complexity unknown: {broken}.")
        paths = frozenset(entry.path for entry in listing.entries)
        return _Files(paths, tuple(facts), tuple(warnings))

    def _choose(self, entries: Sequence[Entry], prefix: str) -> tuple[list[Chosen], list[str]]:
        """The files of code, without those of others and those that machines have written."""
        chosen = []
        for entry in entries:
            if not entry.path.startswith(prefix) or not NOT_OURS.isdisjoint(entry.path.split("/")):
                continue
            language = self._facts.language_of(entry.path)
            if language and not self._facts.refusal(entry.path, entry.size):
                chosen.append(Chosen(entry.path, entry.blob, entry.size, language))
        if len(chosen) > MAX_FILES:
            text = f"Of {len(chosen)} files the first {MAX_FILES} in the order of paths were taken."
            return chosen[:MAX_FILES], [text]
        return chosen, []

    async def _read_coverage(self, opened: Opened, files: _Files) -> FoundCoverage:
        if opened.bare:
            return FoundCoverage()  # there is no tree that tests could have run in
        return await self._coverage.read(opened.root, files.paths)


def _surveyed(
    opened: Opened,
    days: int,
    changes: Changes,
    files: _Files,
    found: FoundCoverage,
    sent: Sequence[Measurement],
) -> _Survey:
    tree = Tree(
        files=files.paths,
        root=str(opened.root),
        commit=opened.revision.commit,
        committed_at=opened.committed_at,
        lengths={path: facts.lines for path, facts in files.facts if not facts.problem},
    )
    by_tests = [each for each in sent if each.kind is Kind.COVERAGE]
    coverage, doubts = merged(found.reports, by_tests, tree)
    warnings = [*_of_history(opened, days, changes), *files.warnings, *found.warnings, *doubts]
    return _Survey(changes, files, coverage, _sent_churn(sent, tree), tuple(warnings))


def _sent_churn(sent: Sequence[Measurement], tree: Tree) -> dict[str, tuple[int, int]]:
    """Churn that another system of version control knows of, which then counts for its files."""
    churn: dict[str, tuple[int, int]] = {}
    for each in sent:  # the newest last
        if each.kind is Kind.CHURN:
            at = matched(each.content, tree.files, (each.workspace,), tree.root)
            churn |= {path: each.content[reported] for reported, path in at.items()}
    return churn


def _of_history(opened: Opened, days: int, changes: Changes) -> list[str]:
    warnings = []
    if opened.shallow:
        warnings.append(
            "The history is cut off (a shallow clone): only the commits that are there count. "
            "`git fetch --unshallow` brings the others."
        )
    if not changes.commits:
        warnings.append(f"No commit is of the last {days} days: churn is 0 for all files.")
    if changes.cut:
        warnings.append("Older commits were too many to tell what changes together in them.")
    return warnings


def _unmeasured(files: Sequence[Measured]) -> list[str]:
    """What is said of files whose coverage nobody knows."""
    missing = sum(file.coverage is None for file in files)
    if not missing:
        return []
    if missing == len(files):
        text = (
            "No coverage was found: scores have no terms of coverage. Run the tests with coverage "
            "(coverage.py, Cobertura or LCOV files are found), or run the guard rails."
        )
    else:
        text = (
            f"The coverage of {missing} of {len(files)} files is not known: it is taken to be that "
            "of all measured files together (metrics.assumed_coverage)."
        )
    return [text]


def _slim(facts: Facts) -> Facts:
    """What rankings need of facts, to be kept by the ten thousand."""
    return Facts(
        problem=facts.problem,
        lines=facts.lines,
        lines_of_code=facts.lines_of_code,
        cyclomatic=facts.cyclomatic,
    )
