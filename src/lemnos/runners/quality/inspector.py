"""The inspector port over the sandbox: five checks, one after the other, each with a verdict."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

from lemnos.domains.quality.ports import Inspection
from lemnos.domains.quality.safety import Check, CheckResult, Outcome, SafetyReport
from lemnos.runners.quality.bench import Broken, Workbench
from lemnos.runners.quality.interface import check_interface
from lemnos.runners.quality.performance import check_performance
from lemnos.runners.quality.syntax import check_syntax
from lemnos.runners.quality.testing import check_tests
from lemnos.runners.quality.typecheck import check_types
from lemnos.runners.sandbox import Sandbox

_MOST_FINDINGS = 50
_LONGEST = 500  # characters of a finding
_LONGEST_DETAIL = 2_000

_CHECKS: Mapping[Check, Callable[[Workbench, Inspection], Awaitable[CheckResult]]] = {
    Check.SYNTAX: check_syntax,
    Check.TYPES: check_types,
    Check.TESTS: check_tests,
    Check.BREAKING: check_interface,
    Check.PERFORMANCE: check_performance,
}


class SandboxInspector:
    """Implements ``lemnos.domains.quality.ports.Inspector``.

    ``read_only`` and ``path`` are where the operator keeps the tools of agents.
    """

    def __init__(
        self, sandbox: Sandbox, read_only: tuple[Path, ...] = (), path: tuple[Path, ...] = ()
    ) -> None:
        self._bench = Workbench(sandbox, read_only, path)

    async def inspect(
        self,
        inspection: Inspection,
        on_result: Callable[[CheckResult], Awaitable[None]] | None = None,
    ) -> SafetyReport:
        """Run the checks on the changed tree; ``on_result`` hears of each as it ends."""
        results = []
        for check in inspection.checks:
            result = _bounded(await self._run(check, inspection))
            results.append(result)
            if on_result is not None:
                await on_result(result)
        return SafetyReport(tuple(results))

    async def _run(self, check: Check, inspection: Inspection) -> CheckResult:
        begun = time.monotonic()
        try:
            result = await _CHECKS[check](self._bench, inspection)
        except Broken as error:
            detail = f"The check could not be finished: {error}."
            result = CheckResult(check, Outcome.NOT_RUN, detail=detail)
        return replace(result, duration_seconds=time.monotonic() - begun)


def _bounded(result: CheckResult) -> CheckResult:
    """A tool can say anything, and much of it; what is kept is for people to read."""
    findings = tuple(_cut(text, _LONGEST) for text in result.findings[:_MOST_FINDINGS])
    if (left := len(result.findings) - len(findings)) > 0:
        findings = (*findings, f"and {left} more")
    return replace(result, detail=_cut(result.detail, _LONGEST_DETAIL), findings=findings)


def _cut(text: str, longest: int) -> str:
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
