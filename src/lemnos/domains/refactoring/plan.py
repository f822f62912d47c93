"""What is done about an opportunity, by whom, and how it is proposed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from lemnos.domains.analysis.model import Analysis, Opportunity, OpportunityType
from lemnos.domains.quality.safety import CheckResult, Outcome, SafetyReport
from lemnos.domains.refactoring.model import Changed, Effect, Refactoring
from lemnos.domains.tasks.model import TaskType
from lemnos.domains.tasks.routing.model import Order

BUILTIN = "builtin"  # the method of what deterministic tools have done

_T = OpportunityType
_PYTHON = frozenset(OpportunityType)
_SCRIPT = frozenset({_T.EXTRACT_CONSTANT, _T.SIMPLIFY_CONDITIONAL, _T.REDUCE_COMPLEXITY})
_TOOLS: Mapping[str, frozenset[OpportunityType]] = {
    **dict.fromkeys((".py",), _PYTHON),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"), _SCRIPT),
}
_TIMEOUT = 1800  # seconds that a task may take, where the operator allows so many

_WHAT: Mapping[OpportunityType, str] = {
    _T.EXTRACT_FUNCTION: "Take a coherent piece of it out into a function with a telling name.",
    _T.EXTRACT_VARIABLE: "Give the expressions that are hard to read, or repeated, a name.",
    _T.EXTRACT_CONSTANT: "Give the repeated literal a name, as a constant of the module.",
    _T.SIMPLIFY_CONDITIONAL: "Make its conditions simpler without changing what they decide.",
    _T.REMOVE_DUPLICATION: "Put the duplicated code into one function that both places call.",
    _T.REDUCE_COMPLEXITY: "Reduce its complexity: guard clauses, early returns, smaller functions.",
    _T.RENAME_VARIABLE: "Rename it to what it stands for, everywhere.",
    _T.IMPROVE_NAMING: "Give it a name that says what it is for, everywhere it is used.",
    _T.ADD_TYPE_HINTS: "Annotate its parameters and results with the types that they have.",
    _T.SPLIT_CLASS: "Split it into classes with one responsibility each.",
    _T.MOVE_METHOD: "Move the method to the class whose data it works on.",
}
_KEEP = (
    "Keep what the program does and its public interface as they are, change nothing else, "
    "and keep all tests passing."
)
_OUTCOMES = {Outcome.PASSED: "passed", Outcome.FAILED: "failed", Outcome.NOT_RUN: "not run"}


def has_tool(opportunity: Opportunity) -> bool:
    """Whether a deterministic tool may be able to carry it out."""
    suffix = PurePosixPath(opportunity.path).suffix.lower()
    return opportunity.type in _TOOLS.get(suffix, frozenset())


def order_of(
    refactoring: Refactoring,
    analysis: Analysis,
    opportunity: Opportunity,
    *,
    by_agent: bool,
    longest: int,
) -> Order:
    """The task that carries it out: an operation of the built-in agent, or a prompt.

    ``longest`` is how many seconds the operator lets a task ask for.
    """
    return Order(
        type=TaskType.REFACTORING,
        description=prompt_of(opportunity),
        repo_url=refactoring.repository,
        branch=analysis.branch or analysis.asked.branch,
        provider_key=key_of(refactoring, analysis),
        context={"files": [opportunity.path]},
        timeout_seconds=min(_TIMEOUT, longest),
        agent_id=refactoring.asked.agent_id if by_agent else "",
        metadata={"refactoring_id": refactoring.id, "opportunity_id": opportunity.id},
        operation={} if by_agent else operation_of(opportunity),
    )


def key_of(refactoring: Refactoring, analysis: Analysis) -> str:
    """The registered credential for the repository, if one was named."""
    return refactoring.asked.provider_key or analysis.asked.provider_key


def operation_of(opportunity: Opportunity) -> Mapping[str, object]:
    """The opportunity as the built-in agent takes it; see runners.builtin.refactorings."""
    return {
        "type": opportunity.type.value,
        "path": opportunity.path,
        "blob": opportunity.blob,
        "start": opportunity.start,
        "end": opportunity.end,
        "symbol": opportunity.symbol,
        "data": dict(opportunity.data),
    }


def prompt_of(opportunity: Opportunity) -> str:
    """The opportunity for an agent that reads."""
    name = f" ({opportunity.symbol})" if opportunity.symbol else ""
    place = f"{opportunity.path}, lines {opportunity.start} to {opportunity.end}{name}"
    details = [f"- {key}: {value}" for key, value in sorted(opportunity.data.items())]
    parts = [
        f"Refactor {place}.",
        opportunity.description,
        _WHAT[opportunity.type],
        "\n".join(["What the analysis says of it:", *details]) if details else "",
        _KEEP,
    ]
    return "\n\n".join(part for part in parts if part)


def title_of(refactoring: Refactoring, opportunity: Opportunity) -> str:
    """The title asked for, or one like ``Reduce complexity of parse in src/reader.py``."""
    if refactoring.asked.pull_request.title:
        return refactoring.asked.pull_request.title
    what = opportunity.type.value.replace("_", " ").capitalize()
    where = f"{opportunity.symbol} in {opportunity.path}"
    return f"{what}: {where if opportunity.symbol else opportunity.path}"[:256]


def branch_of(refactoring: Refactoring, opportunity: Opportunity) -> str:
    """The branch asked for, or one that no other refactoring has."""
    asked = refactoring.asked.pull_request.branch
    return asked or f"refactor/{opportunity.type.value.replace('_', '-')}-{refactoring.id[-8:]}"


def body_of(
    refactoring: Refactoring,
    opportunity: Opportunity,
    report: SafetyReport,
    effect: Effect | None,
    changed: Changed,
) -> str:
    """What a reviewer wants to know: why, what was checked, what it was worth."""
    own = refactoring.asked.pull_request.body
    why = f"{opportunity.description}\n\nRisk: {opportunity.risk}, {opportunity.risk_reason}"
    by = "deterministic tools" if refactoring.method == BUILTIN else refactoring.method
    size = (
        f"{changed.files_modified} files changed, "
        f"{changed.lines_added} insertions(+), {changed.lines_removed} deletions(-)"
    )
    parts = [own or why, _effect(effect), _checks(report), size]
    made = f"Made by {by or 'an agent'} through Lemnos, refactoring `{refactoring.id}`."
    return "\n\n".join(part for part in [*parts, made] if part)


def _effect(effect: Effect | None) -> str:
    if effect is None:
        return ""
    return (
        f"**Effect**: chaos score {effect.score_before:.1f} → {effect.score_after:.1f}, "
        f"complexity {effect.complexity_before} → {effect.complexity_after} "
        f"(promised: {effect.promised:g} % less)"
    )


def _checks(report: SafetyReport) -> str:
    rows = [
        f"**Safety**: {report.overall}",
        "",
        "| check | outcome | tool | |",
        "|---|---|---|---|",
    ]
    return "\n".join([*rows, *map(_row, report.checks)])


def _row(result: CheckResult) -> str:
    detail = " ".join(result.detail.split()).replace("|", "\\|")
    return f"| {result.check} | {_OUTCOMES[result.outcome]} | {result.tool} | {detail} |"
