"""syntax_validation: every changed file that is of a known language can be parsed."""

from __future__ import annotations

from lemnos.domains.quality.ports import Inspection
from lemnos.domains.quality.safety import Check, CheckResult, Outcome
from lemnos.runners.quality.bench import Workbench


async def check_syntax(bench: Workbench, inspection: Inspection) -> CheckResult:
    """A file that did not parse before either is told, and fails nothing."""
    answer = await bench.inside(
        "syntax",
        {"files": inspection.changed, "base": str(inspection.base)},
        inspection.tree,
        inspection.timeout,
        readonly=(inspection.base, *inspection.readonly),
    )
    errors, old, tools = answer["errors"], answer["old_errors"], ", ".join(answer["tools"])
    if errors:
        detail = f"{len(errors)} of {answer['checked']} files can no longer be parsed."
        return CheckResult(Check.SYNTAX, Outcome.FAILED, tools, detail, tuple(errors))
    if not answer["checked"]:
        detail = "No changed file is in a language that is parsed here."
        return CheckResult(Check.SYNTAX, Outcome.NOT_RUN, detail=detail)
    detail = f"{answer['checked']} files parsed."
    if old:
        detail += f" {len(old)} could not be parsed before either."
    return CheckResult(Check.SYNTAX, Outcome.PASSED, tools, detail, tuple(old))
