"""``lemnos workspaces``."""

from __future__ import annotations

from typing import Any

import typer

from lemnos.cli.commands.tasks import TaskId, full_id
from lemnos.cli.output import moment, table
from lemnos.cli.session import Session, connected

app = typer.Typer(no_args_is_help=True, help="The checkouts that tasks work in.")


@app.command("list")
@connected
def list_workspaces(at: Session) -> None:
    """Workspaces with their sizes and when they expire."""
    found = at.client.workspaces()
    columns = ("task", "task is", ">MB", "expires", "node")
    rows = [
        [one["task_id"], one["task_status"], one["size_mb"], moment(one["expires_at"]), one["node"]]
        for one in found["workspaces"]
    ]

    def human(to: Any) -> None:
        to.print(table("", columns, rows))
        to.print(f"{found['total_count']} in all, {found['total_size_mb']} MB", style="dim")

    at.out.give(found, human)


@app.command("delete")
@connected
def delete(at: Session, task_id: TaskId) -> None:
    """Free the disk. What the task has done is kept; a follow-up checks out again."""
    said = at.client.delete_workspace(full_id(at, task_id))
    at.out.give(said, lambda to: to.print(said["message"]))
