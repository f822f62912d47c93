"""Analyses of repositories, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lemnos.cli.output import cell, table, visible


def print_analysis(to: Any, analysis: Mapping[str, Any], worst: int) -> None:
    """Summary, worst files, opportunities."""
    place = f"{analysis['repository']} at {(analysis['commit'] or '?')[:10]}"
    to.print(visible(f"{analysis['status']}: {place}"), style="bold", soft_wrap=True)
    if error := analysis["error"]:
        to.print(visible(error["message"]), style="red", soft_wrap=True)
    if summary := analysis["summary"]:
        _print_summary(to, summary, analysis["duration_ms"])
    if files := analysis["chaos_metrics"][:worst]:
        _print_files(to, files)
    if opportunities := analysis["opportunities"]:
        _print_opportunities(to, opportunities)


def _print_summary(to: Any, summary: Mapping[str, Any], duration: int | None) -> None:
    languages = sorted(summary["languages"].items(), key=lambda each: -each[1])
    files = f"{summary['files_analyzed']} of {summary['total_files']}"
    if summary["files_reused"]:
        files += f", {summary['files_reused']} as they were last time"
    if summary["files_failed"]:
        files += f", {summary['files_failed']} could not be read"
    chaos = f"{summary['avg_chaos_score']:.1f} on average, {summary['high_chaos_files']} files high"
    facts = {
        "files": files,
        "languages": ", ".join(f"{name} {count}" for name, count in languages),
        "chaos": chaos,
        "to improve": summary["total_opportunities"],
        "debt": f"{summary['estimated_debt_hours']:.1f} h",
        "took": None if duration is None else f"{duration / 1000:.1f} s",
    }
    for name, value in facts.items():
        to.print(f"{name:<12}{cell(value)}", soft_wrap=True)


def _print_files(to: Any, files: Sequence[Mapping[str, Any]]) -> None:
    columns = (
        *("file", ">chaos", ">cyclomatic", ">cognitive", ">nesting", ">copied"),
        *(">lines", "problem"),
    )
    to.print(table("worst files", columns, map(_file_row, files)))


def _file_row(one: Mapping[str, Any]) -> list[object]:
    copied, complexity = one["duplication"]["percentage"], one["complexity"]
    return [
        one["file_path"],
        f"{one['total_score']:.1f}",
        complexity["cyclomatic"],
        complexity["cognitive"],
        complexity["nesting"],
        None if copied is None else f"{100 * copied:.0f} %",
        one["size"]["lines_of_code"],
        one["problem"],
    ]


def _print_opportunities(to: Any, found: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        [
            one["opportunity_id"],
            one["type"],
            f"{one['file_path']}:{one['location']['start_line']}",
            one["location"]["symbol"],
            one["risk"]["level"],
            _effort(one["effort_hours"]),
            one["description"],
        ]
        for one in found
    ]
    columns = ("opportunity", "type", "where", "what", "risk", ">effort", "why")
    to.print(table("opportunities", columns, rows))
    name = found[0]["opportunity_id"]
    to.print(f"Next: lemnos refactor {name} --dry-run", style="dim", soft_wrap=True)


def _effort(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1 else f"{round(60 * hours)} min"
