"""Files put together: coupling, duplication and churn need all of them; then each has its score.

Everything here is computed from facts, so an incremental analysis and a full one agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from lemnos.domains.analysis import score
from lemnos.domains.analysis.duplication import Copy, Duplication, Shared
from lemnos.domains.analysis.facts import Facts, Finding, Import, findings_of
from lemnos.domains.analysis.imports import ImportGraph
from lemnos.domains.analysis.model import FileMetrics, ScoreTerms
from lemnos.domains.analysis.ports import Churn
from lemnos.domains.analysis.selection import Chosen, is_test


@dataclass(frozen=True, slots=True)
class Context:
    """What is known beside the files. ``churn`` is None where history was not looked at."""

    manifests: Mapping[str, bytes] = field(default_factory=dict)
    churn: Mapping[str, Churn] | None = None
    duplication: bool = True


@dataclass(frozen=True, slots=True)
class Assessed:
    """One file with all that opportunities are found and ranked by."""

    metrics: FileMetrics
    findings: tuple[Finding, ...]
    copies: tuple[Copy, ...]
    tested: bool  # a test imports it


@dataclass(slots=True)
class _Held:
    """What is kept of a file until all are there."""

    metrics: FileMetrics
    imports: tuple[Import, ...]
    findings: msgspec.Raw


class Assessor:
    """Takes in files one by one and holds little of each; :meth:`finish` when all are there."""

    def __init__(self) -> None:
        self._held: list[_Held] = []
        self._packages: dict[str, str] = {}
        self._duplication = Duplication()
        self._shared = Shared({})
        self._tested: set[str] = set()

    def add(self, file: Chosen, facts: Facts) -> None:
        """Take in a file that was measured, or could not be."""
        number = len(self._held)
        self._held.append(_Held(_own(file, facts), facts.imports, facts.findings))
        if facts.package:
            self._packages[file.path] = facts.package
        self._duplication.add(number, facts.fingerprints)

    def finish(self, context: Context) -> tuple[FileMetrics, ...]:
        """Metrics and scores, in the order in which the files came."""
        afferent, efferent = self._couple(context)
        if context.duplication:
            self._shared = self._duplication.shared()
        for number, held in enumerate(self._held):
            if not held.metrics.problem:
                held.metrics = self._completed(number, held.metrics, context, afferent, efferent)
        return tuple(held.metrics for held in self._held)

    def assessed(self, number: int) -> Assessed:
        """A file after :meth:`finish`, by the order in which it came."""
        held = self._held[number]
        return Assessed(
            held.metrics,
            findings_of(held.findings),
            tuple(self._shared.copies(number)),
            held.metrics.path in self._tested,
        )

    def path_of(self, number: int) -> str:
        """The path of a file, as copies name it by number."""
        return self._held[number].metrics.path

    def __len__(self) -> int:
        return len(self._held)

    def _couple(self, context: Context) -> tuple[Counter[str], Counter[str]]:
        paths = [held.metrics.path for held in self._held]
        graph = ImportGraph(paths, self._packages, context.manifests)
        afferent, efferent = Counter[str](), Counter[str]()
        for held in self._held:
            path = held.metrics.path
            targets = graph.imported(path, held.metrics.language, held.imports)
            efferent[path] = len(targets)
            afferent.update(targets)
            if targets and is_test(path):
                self._tested |= targets
            held.imports = ()
        return afferent, efferent

    def _completed(
        self,
        number: int,
        own: FileMetrics,
        context: Context,
        afferent: Mapping[str, int],
        efferent: Mapping[str, int],
    ) -> FileMetrics:
        share = None
        if context.duplication:
            share = min(self._shared.lines(number) / own.lines, 1.0) if own.lines else 0.0
        changed = None if context.churn is None else context.churn.get(own.path, Churn(0, 0))
        return scored(
            own,
            share,
            (afferent.get(own.path, 0), efferent.get(own.path, 0)),
            changed,
        )


def scored(
    own: FileMetrics,
    duplication: float | None,
    coupled: tuple[int, int],
    changed: Churn | None,
) -> FileMetrics:
    """The metrics of a file with what the others tell of it, and the score of all."""
    afferent, efferent = coupled
    terms = ScoreTerms(
        complexity=round(score.complexity(own.cyclomatic, own.cognitive, own.nesting), 2),
        duplication=None if duplication is None else round(100 * duplication, 2),
        coupling=round(score.coupling(afferent, efferent), 2),
        size=round(score.size(own.lines_of_code, own.functions), 2),
        documentation=round(score.documentation(own.documented), 2),
    )
    return FileMetrics(
        path=own.path,
        language=own.language,
        blob=own.blob,
        lines=own.lines,
        lines_of_code=own.lines_of_code,
        functions=own.functions,
        cyclomatic=own.cyclomatic,
        cognitive=own.cognitive,
        nesting=own.nesting,
        duplication=None if duplication is None else round(duplication, 4),
        documented=own.documented,
        afferent=afferent,
        efferent=efferent,
        churn=changed.lines if changed else None,
        commits=changed.commits if changed else None,
        score=round(score.total(terms), 2),
        terms=terms,
    )


def _own(file: Chosen, facts: Facts) -> FileMetrics:
    if facts.problem:
        return FileMetrics(file.path, file.language, file.blob, problem=facts.problem)
    share = round(facts.documented / facts.documentable, 4) if facts.documentable else None
    return FileMetrics(
        path=file.path,
        language=file.language,
        blob=file.blob,
        lines=facts.lines,
        lines_of_code=facts.lines_of_code,
        functions=facts.functions,
        cyclomatic=facts.cyclomatic,
        cognitive=facts.cognitive,
        nesting=facts.nesting,
        documented=share,
    )


def worst_first(files: Sequence[FileMetrics]) -> list[FileMetrics]:
    """By score, the files with a problem at the end."""
    return sorted(files, key=lambda each: (bool(each.problem), -each.score, each.path))
