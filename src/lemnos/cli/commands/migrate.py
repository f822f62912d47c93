"""``lemnos migrate``."""

from __future__ import annotations

from typing import Annotated

import typer

from lemnos.cli.output import Output
from lemnos.cli.session import AsJson, Data, DatabaseUrl


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 unless it is current.")
    ] = False,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Bring the database's schema up to date. SQLite does so by itself at start."""
    from lemnos import foundation
    from lemnos.cli.discovery import local_settings
    from lemnos.platform.db import migrate as schema

    url = foundation.database_url(local_settings(data, database_url=database_url))
    was = schema.current_revision(url)
    is_current = schema.check(url)
    if not check and not is_current:
        schema.migrate(url)
    shown = {
        "before": was,
        "now": schema.current_revision(url),
        "latest": schema.latest_revision(),
        "current": is_current or not check,
    }
    state = "is current" if shown["current"] else "is not current: run `lemnos migrate`"
    text = f"The schema {state} (revision {shown['now']}, latest {shown['latest']})."
    Output(as_json).give(shown, lambda to: to.print(text))
    if not shown["current"]:
        raise typer.Exit(1)
