"""``lemnos analyze`` and ``lemnos analyses``: how a repository is, and what could be improved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from lemnos.cli.analyses import print_analysis
from lemnos.cli.errors import WrongUsage
from lemnos.cli.orders import filled
from lemnos.cli.output import moment, table
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
    status: Annotated[str, typer.Option(help="running, completed or failed.")] = "",
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
