"""Run a tree's tests once, and say what that cost."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lemnos.runners.builtin.testrun import TestReport, TestSuite
from lemnos.runners.builtin.tree import Tree

_LONGEST = 400  # characters of a failure


def run_tests(root: Path, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """As :class:`lemnos.runners.quality.testing.Run`; None where there are no tests."""
    suite = TestSuite(Tree(root), float(request["timeout"]))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = suite.run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if report is None:
        return None
    return {
        "runner": report.runner,
        "passed": sorted(report.passed),
        "failed": {failure.test: _said(failure) for failure in report.failures},
        "problem": report.problem,
        "missing": _missing(report),
        "cost": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "own": report.seconds,
    }


def _said(failure: Any) -> str:
    return f"{failure.kind}: {failure.message}"[:_LONGEST]


def _missing(report: TestReport) -> str:
    return "install pytest beside Lemnos" if "not installed" in report.problem else ""
