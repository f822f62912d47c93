"""Refactorings, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lemnos.cli.output import cell, print_diff, visible

_STYLES = {"completed": "green", "rolled_back": "yellow", "failed": "red", "cancelled": "yellow"}
_MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "not_run": ("–", "yellow")}
_SAFETY = {"safe": "green", "caution": "yellow", "unsafe": "red"}


def print_refactoring(to: Any, found: Mapping[str, Any]) -> None:
    """The diff, then how it ended and why, the checks, the effect."""
    if found["diff"]:
        to.rule("changes")
        print_diff(to, found["diff"])
        to.rule()
    what = f"{found['status']}{' (dry run)' if found['dry_run'] else ''}"
    to.print(what, style=f"bold {_STYLES.get(found['status'], 'cyan')}")
    if error := found["error"]:
        to.print(visible(error["message"]), style="red", soft_wrap=True)
    for name, value in _facts(found).items():
        if value:
            to.print(f"{name:<14}{cell(value)}", soft_wrap=True)
    if found["safety_report"]:
        _print_checks(to, found["safety_report"])


def _facts(found: Mapping[str, Any]) -> dict[str, str | None]:
    changes, effect, pull = found["changes"], found["effect"], found["pull_request"]
    return {
        "file": found["file_path"],
        "by": found["method"],
        "changed": changes and _changed(changes),
        "chaos": effect and f"{effect['score_before']:.1f} → {effect['score_after']:.1f}",
        "complexity": effect
        and f"{effect['complexity_before']} → {effect['complexity_after']} "
        f"(promised: −{effect['promised_reduction']:g} %)",
        "pull request": pull and f"{pull['url']} (branch {pull['branch']})",
        "task": found["task_id"],
    }


def _changed(changes: Mapping[str, Any]) -> str:
    count = changes["files_modified"]
    files = "1 file" if count == 1 else f"{count} files"
    return f"{files}, +{changes['lines_added']} −{changes['lines_removed']} lines"


def _print_checks(to: Any, report: Mapping[str, Any]) -> None:
    overall = report["overall_safety"]
    to.print(f"checks: {overall}", style=_SAFETY.get(overall))
    for one in report["checks"]:
        mark, style = _MARKS[one["outcome"]]
        told = " ".join(part for part in (one["tool"], one["detail"]) if part)
        to.print(f"  {mark} {one['check']:<20}{visible(told)}", style=style, soft_wrap=True)
        for finding in one["findings"]:
            to.print(f"      {visible(finding)}", style=style, soft_wrap=True)
