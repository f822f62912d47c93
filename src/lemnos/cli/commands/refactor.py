"""``lemnos refactor`` and ``lemnos refactorings``: carry out what an analysis has found."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lemnos.cli.commands.analyze import Wait
from lemnos.cli.errors import WrongUsage
from lemnos.cli.orders import filled
from lemnos.cli.output import cell, moment, table
from lemnos.cli.refactorings import print_refactoring
from lemnos.cli.session import Session, connected

app = typer.Typer(no_args_is_help=True, help="Refactorings that were made.")

RefactoringId = Annotated[str, typer.Argument(metavar="REFACTORING", help="Its id.")]
_ENDED = frozenset({"completed", "rolled_back", "failed", "cancelled"})


@connected
def refactor(
    at: Session,
    opportunity: Annotated[str, typer.Argument(help="The id of one that an analysis found.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would do.")] = False,
    pr: Annotated[bool, typer.Option("--pr", help="Open a pull request.")] = False,
    title: Annotated[str, typer.Option(help="Of the pull request.")] = "",
    body: Annotated[str, typer.Option(help="Of the pull request.")] = "",
    branch: Annotated[str, typer.Option(help="Of the pull request.")] = "",
    agent: Annotated[str, typer.Option(help="The agent for what no tool can do alone.")] = "",
    git_key: Annotated[str, typer.Option(help="A key of `lemnos git-keys`, to push with.")] = "",
    wait: Wait = True,
) -> None:
    """Carry out an opportunity: the diff, its checks, and what it did to the score.

    A check that fails takes the change back whole. Exit code 1 if it does not succeed.
    """
    said = filled(title=title, body=body, branch=branch)
    if said and not pr:
        raise WrongUsage("--title, --body and --branch are for --pr.")
    started = at.client.orchex.refactor(
        filled(
            opportunity_id=opportunity,
            dry_run=dry_run,
            create_pr=pr,
            pr_options=said,
            agent_id=agent,
            provider_key=git_key,
        )
    )
    name = started["refactoring_id"]
    if not wait:
        text = f"{name} is {started['status']}. See `lemnos refactorings show {name}`."
        at.out.give(started, lambda to: to.print(text, soft_wrap=True))
        return
    found = _finished(at, name)
    at.out.give(found, lambda to: print_refactoring(to, found))
    if not found["success"]:
        raise typer.Exit(1)


@app.command("list")
@connected
def list_refactorings(
    at: Session,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    offset: Annotated[int, typer.Option(min=0, help="After so many.")] = 0,
) -> None:
    """Refactorings, the newest first."""
    page = at.client.orchex.refactorings(limit=limit, offset=offset)
    columns = ("refactoring", "status", "by", "file", "begun", "pull request")
    rows = [
        [
            one["refactoring_id"],
            one["status"],
            one["method"],
            one["file_path"],
            moment(one["created_at"]),
            (one["pull_request"] or {}).get("url"),
        ]
        for one in page["refactorings"]
    ]
    at.out.give(page, lambda to: to.print(table("", columns, rows)))


@app.command("show")
@connected
def show(at: Session, refactoring_id: RefactoringId) -> None:
    """A refactoring with its diff, checks and effect."""
    found = at.client.orchex.refactoring(refactoring_id)
    at.out.give(found, lambda to: print_refactoring(to, found))


@app.command("cancel")
@connected
def cancel(at: Session, refactoring_id: RefactoringId) -> None:
    """End one that is under way; nothing is left of it."""
    said = at.client.orchex.cancel_refactoring(refactoring_id)
    at.out.give(said, lambda to: to.print(f"{cell(refactoring_id)} is {said['status']}."))


def _finished(at: Session, name: str) -> dict[str, Any]:
    from lemnos.cli.waiting import wait

    return wait(
        at.out,
        lambda: at.client.orchex.refactoring(name),
        lambda found: found["status"] in _ENDED,
        lambda found: str(found["stage"] or found["status"]),
        hint=f"It goes on: lemnos refactorings show {name}",
    )
