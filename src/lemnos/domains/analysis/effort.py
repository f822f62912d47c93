"""How long an opportunity takes to carry out, as published for the rule of SonarSource that finds
the same: the ``remediation`` of its metadata (RSPEC), in minutes.

What no rule finds, or whose estimate is not published, is this project's own and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lemnos.domains.analysis.facts import Finding
from lemnos.domains.analysis.model import OpportunityType

_CYCLOMATIC, _COGNITIVE, _OPERATORS = 10, 15, 3  # the thresholds that estimates count from


def hours(finding: Finding) -> float:
    """The estimate for one finding."""
    return round(_MINUTES[OpportunityType(finding.type)](finding.data) / 60, 3)


def _over(data: Mapping[str, object], name: str, threshold: int) -> float:
    value = data.get(name)
    return max(float(value) - threshold, 0.0) if isinstance(value, int | float) else 0.0


def _complex_function(data: Mapping[str, object]) -> float:
    """RSPEC-1541 (cyclomatic): 10 min and 1 min a point over 10. RSPEC-138 (too long): 20 min."""
    over = _over(data, "cyclomatic", _CYCLOMATIC)
    return 10 + over if over else 20


def _reduce(data: Mapping[str, object]) -> float:
    """RSPEC-3776 (cognitive): 5 min and 1 min a point over 15; else RSPEC-1541."""
    over = _over(data, "cognitive", _COGNITIVE)
    return 5 + over if over else _complex_function(data)


_MINUTES: Mapping[OpportunityType, Callable[[Mapping[str, object]], float]] = {
    OpportunityType.EXTRACT_FUNCTION: _complex_function,
    OpportunityType.REDUCE_COMPLEXITY: _reduce,
    # RSPEC-1067: 5 min and 1 min an operator over 3
    OpportunityType.SIMPLIFY_CONDITIONAL: lambda data: 5 + _over(data, "operators", _OPERATORS),
    # RSPEC-1192: 2 min and 2 min a copy
    OpportunityType.EXTRACT_CONSTANT: lambda data: 2 + 2 * _over(data, "times", 0),
    OpportunityType.RENAME_VARIABLE: lambda _: 2,  # RSPEC-117
    OpportunityType.IMPROVE_NAMING: lambda _: 5,  # RSPEC-100
    OpportunityType.ADD_TYPE_HINTS: lambda _: 5,  # RSPEC-6538
    OpportunityType.SPLIT_CLASS: lambda _: 60,  # RSPEC-1448
    OpportunityType.REMOVE_DUPLICATION: lambda _: 20,  # [ours]
    OpportunityType.EXTRACT_VARIABLE: lambda _: 5,  # [ours]
    OpportunityType.MOVE_METHOD: lambda _: 30,  # [ours]
}
