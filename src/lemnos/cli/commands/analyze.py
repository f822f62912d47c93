"""``lemnos analyze`` and ``lemnos analyses``: how a repository is, and what could be improved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from lemnos.cli.errors import WrongUsage
from lemnos.cli.orders import filled
from lemnos.cli.output import cell, moment, table, visible
from lemnos.cli.repository import repository
from lemnos.cli.session import Session, connected

app = typer.Typer(no_args_is_help=True, help="Analyses of repositories that were made.")

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it is done.")]
Worst = Annotated[int, typer.Option("--worst", min=0, help="Show so many of the worst files.")]
AnalysisId = Annotated[str, typer.Argument(metavar="ANALYSIS", help="Its id.")]
Patterns = Annotated[
    list[str] | None, typer.Option(metavar="GLOB", help="Of paths; may be repeated.")
]
_ENDED = frozenset({"completed", "failed"})
_WORST = 10


@connected
def analyze(
    at: Session,
    where: Annotated[
        str, typer.Argument(metavar="[PATH|URL]", help="A repository. [this one]")
    ] = ".",
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out duplication, coupling and history.")
    ] = False,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="Only what changed since the last time.")
    ] = False,
    branch: Annotated[str, typer.Option(help="The branch to look at.")] = "",
    commit: Annotated[str, typer.Option(help="The commit to look at.")] = "",
    include: Patterns = None,
    exclude: Patterns = None,
    opportunities: Annotated[int | None, typer.Option(min=0, help="At most so many. [20]")] = None,
    git_key: Annotated[str, typer.Option(help="A key of `lemnos git-keys`.")] = "",
    worst: Worst = _WORST,
    wait: Wait = True,
) -> None:
    """Measure a repository: its worst files, and what could be improved.

    What is committed is measured. Exit code 1 if the analysis fails.
    """
    if quick and incremental:
        raise WrongUsage("--quick and --incremental exclude each other.")
    found = repository(where)
    place = "repository_path" if found.folder else "repository_url"
    kind = "quick" if quick else "incremental" if incremental else "full"
    patterns = filled(
        include_patterns=include, exclude_patterns=exclude, max_opportunities=opportunities
    )
    started = at.client.orchex.analyze(
        filled(
            **{place: found.url},
            branch=branch,
            commit=commit,
            analysis_type=kind,
            options=patterns,
            provider_key=git_key,
        )
    )
    if not wait:
        at.out.give(started, lambda to: to.print(_started(started), soft_wrap=True))
        return
    analysis = _finished(at, started["analysis_id"])
    at.out.give(analysis, lambda to: print_analysis(to, analysis, worst))
    if analysis["status"] == "failed":
        raise typer.Exit(1)


@app.command("list")
@connected
def list_analyses(
    at: Session,
    repo: Annotated[str, typer.Option(help="Only of this repository.")] = "",
    status: Annotated[str, typer.Option(help="queued, running, completed or failed.")] = "",
    since: Annotated[str, typer.Option(help="Only those begun after this time.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
) -> None:
    """Analyses, the newest first."""
    name = repository(repo).url if repo else ""
    page = at.client.orchex.analyses(repository=name, status=status, since=since, limit=limit)
    columns = ("analysis", "status", "kind", ">files", ">chaos", "begun", "repository")
    rows = [_row(one) for one in page["analyses"]]
    at.out.give(page, lambda to: to.print(table("", columns, rows)))


@app.command("show")
@connected
def show(at: Session, analysis_id: AnalysisId, worst: Worst = _WORST) -> None:
    """What an analysis has found."""
    analysis = at.client.orchex.analysis(analysis_id)
    at.out.give(analysis, lambda to: print_analysis(to, analysis, worst))


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


def _finished(at: Session, analysis_id: str) -> dict[str, Any]:
    from lemnos.cli.waiting import wait

    return wait(
        at.out,
        lambda: at.client.orchex.analysis(analysis_id),
        lambda found: found["status"] in _ENDED,
        _stage,
        hint=f"It goes on: lemnos analyses show {analysis_id}",
    )


def _stage(analysis: Mapping[str, Any]) -> str:
    progress = analysis["progress"]
    if not progress:
        return str(analysis["status"])
    return f"{progress['stage'] or analysis['status']} ({progress['percentage']} %)"


def _started(started: Mapping[str, Any]) -> str:
    name = started["analysis_id"]
    return f"{name} is {started['status']}. See `lemnos analyses show {name}`."


def _row(one: Mapping[str, Any]) -> list[object]:
    summary = one["summary"] or {}
    return [
        one["analysis_id"],
        one["status"],
        one["analysis_type"],
        summary.get("files_analyzed"),
        summary.get("avg_chaos_score"),
        moment(one["created_at"]),
        one["repository"],
    ]


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
