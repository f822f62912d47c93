"""breaking_changes: what others can call is still there, and is called as before."""

from __future__ import annotations

from lemnos.domains.quality.ports import Inspection
from lemnos.domains.quality.safety import Check, CheckResult, Outcome
from lemnos.runners.quality.bench import Workbench


async def check_interface(bench: Workbench, inspection: Inspection) -> CheckResult:
    """Compare the public names of the changed files, and how they are called, with the base."""
    answer = await bench.inside(
        "interface",
        {"files": inspection.changed, "base": str(inspection.base)},
        inspection.tree,
        inspection.timeout,
        readonly=(inspection.base, *inspection.readonly),
    )
    tools = ", ".join(answer["tools"])
    if breaks := answer["breaks"]:
        detail = f"{len(breaks)} breaking changes of the public interface."
        return CheckResult(Check.BREAKING, Outcome.FAILED, tools, detail, tuple(breaks))
    if problems := answer["problems"]:
        detail = "The public interface could not be compared as a whole."
        return CheckResult(Check.BREAKING, Outcome.NOT_RUN, tools, detail, tuple(problems))
    if not answer["compared"]:
        detail = (
            "No changed file has a public interface that is compared here (Python, JavaScript, "
            "TypeScript, Go, Java)."
        )
        return CheckResult(Check.BREAKING, Outcome.NOT_RUN, detail=detail)
    detail = f"The public interface of {answer['compared']} files is as it was."
    return CheckResult(Check.BREAKING, Outcome.PASSED, tools, detail)
