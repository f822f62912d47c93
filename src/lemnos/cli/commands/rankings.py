"""``lemnos rankings`` and ``lemnos hotspots``: which files are worth a refactoring, and why."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from lemnos.cli.errors import WrongUsage
from lemnos.cli.orders import filled
from lemnos.cli.output import Output, visible
from lemnos.cli.rankings import (
    folder_of,
    hotspots_here,
    place_of,
    print_hotspots,
    print_rankings,
    rankings_here,
)
from lemnos.cli.session import AsJson, Data, Key, Url

_AT = "Where it runs"
_YEAR = 365
_MOST = 100  # entries of rankings


class Strategy(StrEnum):
    """How files are ranked."""

    COMPOSITE = "composite"
    RISK_WEIGHTED = "risk_weighted"
    COVERAGE_FIRST = "coverage_first"
    CHURN_BASED = "churn_based"


Folder = Annotated[str, typer.Argument(metavar="[PATH]", help="A folder of a repository.")]
Limit = Annotated[int, typer.Option(min=1, max=_MOST, help="At most so many files.")]
Days = Annotated[int, typer.Option(min=1, max=36_500, help="So much history counts.")]
OnServer = Annotated[
    bool,
    typer.Option("--server", help="Let the server do it, not this machine.", rich_help_panel=_AT),
]
TaskId = Annotated[
    str,
    typer.Option(
        "--task", metavar="TASK", help="On the server, of a task's workspace.", rich_help_panel=_AT
    ),
]


def rankings(
    path: Folder = ".",
    strategy: Annotated[
        Strategy, typer.Option(help="What counts, and how much.")
    ] = Strategy.COMPOSITE,
    limit: Limit = 20,
    days: Days = _YEAR,
    refactor: Annotated[
        str,
        typer.Option(
            metavar="N|FILE",
            help="Have the server's agents refactor this entry.",
            show_default=False,
        ),
    ] = "",
    instructions: Annotated[str, typer.Option(help="What else to tell the agent.")] = "",
    server: OnServer = False,
    task: TaskId = "",
    url: Url = None,
    api_key: Key = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """The files most worth a refactoring, by churn, coverage and complexity.

    What is committed is measured, tests left out; coverage comes from the
    files that test runs have left. Each column shows a measure and what it
    adds to the score. Works without a server, except for --refactor.
    """
    out = Output(as_json)
    if instructions and not refactor:
        raise WrongUsage("--instructions are for --refactor.")
    if not (server or task or refactor):
        found = rankings_here(folder_of(path), strategy.value, limit, days)
        out.give(found, lambda to: print_rankings(to, found))
        return
    where = {"task_id": task} if task else {"workspace": str(folder_of(path))}
    asked = {**where, "strategy": strategy.value, "days": days}
    with _client(url, api_key, data) as client:
        if not refactor:
            found = client.hephaestus.rankings(**asked, limit=limit)
            out.give(found, lambda to: print_rankings(to, found))
            return
        ranked: Mapping[str, Any] = {}
        if refactor.isdigit():
            ranked = client.hephaestus.rankings(**asked, limit=_MOST)
        body = {**asked, "path": place_of(refactor, ranked), **filled(instructions=instructions)}
        made = client.hephaestus.refactor_ranked(body)
    out.give(made, lambda to: to.print(visible(_told(made)), soft_wrap=True))


def hotspots(
    path: Folder = ".",
    limit: Limit = 20,
    days: Days = _YEAR,
    server: OnServer = False,
    task: TaskId = "",
    url: Url = None,
    api_key: Key = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Files that are complicated and change often, who knows them, and what changes with them.

    Works without a server. What is committed is measured.
    """
    if server or task:
        where = {"task_id": task} if task else {"workspace": str(folder_of(path))}
        with _client(url, api_key, data) as client:
            found = client.hephaestus.hotspots(**where, limit=limit, days=days)
    else:
        found = hotspots_here(folder_of(path), limit, days)
    Output(as_json).give(found, lambda to: print_hotspots(to, found))


def _client(url: str | None, api_key: str | None, data: str | None) -> Any:
    from lemnos.cli.client import Client
    from lemnos.cli.discovery import find_server

    return Client(find_server(url, api_key, data))


def _told(made: Mapping[str, Any]) -> str:
    task_id = made["task_id"]
    return f"Task {task_id} refactors {made['path']}. Follow it with: lemnos tasks watch {task_id}"
