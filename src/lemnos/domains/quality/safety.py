"""Checks of a changed tree, and what they come to together. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Check(StrEnum):
    """The five safety checks of a change, as the ORCHEX document names them."""

    SYNTAX = "syntax_validation"
    TYPES = "type_checking"
    TESTS = "test_execution"
    BREAKING = "breaking_changes"
    PERFORMANCE = "performance_impact"


class Outcome(StrEnum):
    """What came of a check. One that could not run has not passed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"


class Safety(StrEnum):
    """What the checks say together."""

    SAFE = "safe"
    CAUTION = "caution"
    UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: what came of it, by which tool, and what a person should know."""

    check: Check
    outcome: Outcome
    tool: str = ""
    detail: str = ""
    findings: tuple[str, ...] = ()
    duration_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SafetyReport:
    """All checks of one changed tree."""

    checks: tuple[CheckResult, ...]

    @property
    def overall(self) -> Safety:
        """Unsafe when one failed; caution when one could not run, or none was there to run."""
        outcomes = {result.outcome for result in self.checks}
        if Outcome.FAILED in outcomes:
            return Safety.UNSAFE
        return Safety.SAFE if outcomes == {Outcome.PASSED} else Safety.CAUTION

    @property
    def passed(self) -> int:
        """How many checks passed."""
        return sum(result.outcome is Outcome.PASSED for result in self.checks)
