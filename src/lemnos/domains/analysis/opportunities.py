"""What was found in single files, judged within the whole: filtered, rated and ranked."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from lemnos.domains.analysis import score
from lemnos.domains.analysis.assessment import Assessed, Assessor
from lemnos.domains.analysis.duplication import Copy
from lemnos.domains.analysis.effort import hours
from lemnos.domains.analysis.facts import Finding
from lemnos.domains.analysis.model import Analysis, Opportunity, OpportunityType, Risk
from lemnos.domains.analysis.selection import is_test
from lemnos.kernel import ids

DUPLICATED = 0.3  # share of a file from which on its copies are worth a look
LARGE_COPY = 30  # lines of a copy that is worth a look in any file [ours]
SMALLEST_COPY = 10  # lines; what is shorter is no block, as SonarQube has it
_VOLATILE = 10  # commits in 90 days [ours]
_WIDELY_USED = 10  # files that import it [ours]

# What a percent of each measure is worth: the weight that it has in the chaos score. Names and
# literals help reading, as documentation does [ours].
_WORTH = {
    "complexity_reduction": score.COMPLEXITY,
    "duplication_reduction": score.DUPLICATION,
    "coupling_reduction": score.COUPLING,
    "size_reduction": score.SIZE,
    "readability": score.DOCUMENTATION,
}
_LEVELS = (Risk.LOW, Risk.MEDIUM, Risk.HIGH)
# How much a change of this type can break by itself, from 0 [ours].
_OWN_RISK = {
    OpportunityType.EXTRACT_VARIABLE: (0, "it stays within one function"),
    OpportunityType.EXTRACT_CONSTANT: (0, "only a literal gets a name"),
    OpportunityType.RENAME_VARIABLE: (0, "it stays within one function"),
    OpportunityType.ADD_TYPE_HINTS: (0, "nothing changes at run time"),
    OpportunityType.EXTRACT_FUNCTION: (1, "a block gets parameters and results"),
    OpportunityType.SIMPLIFY_CONDITIONAL: (1, "a condition is written anew"),
    OpportunityType.REDUCE_COMPLEXITY: (1, "the flow of a function changes"),
    OpportunityType.REMOVE_DUPLICATION: (1, "two places come to depend on one"),
    OpportunityType.IMPROVE_NAMING: (1, "all uses must follow"),
    OpportunityType.SPLIT_CLASS: (2, "all who use the class must follow"),
    OpportunityType.MOVE_METHOD: (2, "all who call the method must follow"),
}
# In tests a literal, a long class and a missing hint are how tests are written.
_NOT_IN_TESTS = frozenset(
    {
        OpportunityType.EXTRACT_CONSTANT,
        OpportunityType.EXTRACT_VARIABLE,
        OpportunityType.ADD_TYPE_HINTS,
        OpportunityType.IMPROVE_NAMING,
        OpportunityType.SPLIT_CLASS,
        OpportunityType.MOVE_METHOD,
    }
)


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best opportunities, how many there were, and the hours that all would take."""

    best: tuple[Opportunity, ...]
    total: int
    debt_hours: float


@dataclass(frozen=True, slots=True)
class _Rated:
    """A finding in its file, with what it is ranked by."""

    priority: float
    risk: Risk
    reason: str
    file: Assessed
    finding: Finding


def rank(assessor: Assessor, analysis: Analysis) -> Ranking:
    """Judge all findings of an assessor that is finished, and keep the best that were asked for."""
    total = 0
    debt = 0.0

    def each() -> Iterator[_Rated]:
        nonlocal total, debt
        for number in range(len(assessor)):
            file = assessor.assessed(number)
            for finding in _findings(file, assessor):
                total += 1
                debt += hours(finding)
                yield _rated(file, finding)

    wanted = analysis.asked.options.max_opportunities
    # nlargest(0) would not look at any, and they are to be counted
    best = heapq.nlargest(max(wanted, 1), each(), key=_order)[:wanted]
    return Ranking(tuple(_opportunity(one, analysis) for one in best), total, round(debt, 2))


def _order(rated: _Rated) -> tuple[float, float, str, int]:
    return rated.priority, rated.file.metrics.score, rated.file.metrics.path, rated.finding.start


def _findings(file: Assessed, assessor: Assessor) -> Iterator[Finding]:
    test = is_test(file.metrics.path)
    for finding in file.findings:
        if not (test and _usual_in_tests(finding)):
            yield finding
    much = (file.metrics.duplication or 0.0) > DUPLICATED
    for copy in file.copies:
        length = copy.end - copy.start + 1
        if length >= (SMALLEST_COPY if much else LARGE_COPY):
            yield _copied(file, copy, assessor.path_of(copy.other))


def _usual_in_tests(finding: Finding) -> bool:
    """A test that is long tells its story from top to bottom."""
    long_only = finding.type == OpportunityType.EXTRACT_FUNCTION and not finding.measure.startswith(
        "complexity"
    )
    return long_only or finding.type in _NOT_IN_TESTS


def _copied(file: Assessed, copy: Copy, other: str) -> Finding:
    lines = copy.end - copy.start + 1
    where = f"lines {copy.other_start} to {copy.other_end} of {other}"
    return Finding(
        OpportunityType.REMOVE_DUPLICATION,
        "",
        copy.start,
        copy.end,
        f"Lines {copy.start} to {copy.end} are also {where}",
        "duplication_reduction",
        round(min(100.0, 100 * lines / max(file.metrics.lines, 1)), 1),
        {
            "start": copy.start,
            "end": copy.end,
            "other_path": other,
            "other_start": copy.other_start,
            "other_end": copy.other_end,
            "lines": lines,
        },
    )


def _rated(file: Assessed, finding: Finding) -> _Rated:
    level, reasons = _risk(file, finding)
    impact = _WORTH[finding.measure] * finding.percent
    priority = impact / (level + 1) * score.urgency(file.metrics.score)
    return _Rated(round(priority, 3), _LEVELS[level], reasons, file, finding)


def _risk(file: Assessed, finding: Finding) -> tuple[int, str]:
    """What the change can break by itself, and what around it makes that worse."""
    level, why = _OWN_RISK[OpportunityType(finding.type)]
    if finding.data.get("public"):
        level, why = 2, "the name is public, and others may use it"
    reasons = [why]
    if level:
        worse = []
        if not file.tested and not is_test(file.metrics.path):
            worse.append("no test imports the file")
        if (file.metrics.afferent or 0) >= _WIDELY_USED:
            worse.append(f"{file.metrics.afferent} files import it")
        if (file.metrics.commits or 0) >= _VOLATILE:
            worse.append(f"it changed in {file.metrics.commits} commits in 90 days")
        level = min(level + bool(worse), len(_LEVELS) - 1)
        reasons += worse
    return level, "; ".join(reasons)


def _opportunity(rated: _Rated, analysis: Analysis) -> Opportunity:
    finding, metrics = rated.finding, rated.file.metrics
    return Opportunity(
        id=ids.new_id("opp"),
        analysis_id=analysis.id,
        tenant=analysis.tenant,
        type=OpportunityType(finding.type),
        path=metrics.path,
        blob=metrics.blob,
        description=finding.description,
        start=finding.start,
        end=finding.end,
        symbol=finding.symbol,
        impact={finding.measure: finding.percent},
        risk=rated.risk,
        risk_reason=rated.reason,
        effort_hours=hours(finding),
        priority=rated.priority,
        data=finding.data,
    )
