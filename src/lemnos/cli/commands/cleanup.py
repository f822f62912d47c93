"""``lemnos cleanup``: what systems and tools have left in a folder, removed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lemnos.cli.output import Output
from lemnos.cli.session import AsJson, Data, Key, Url


def cleanup(
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="A folder. [this one]")] = ".",
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Python caches, build outputs and node_modules, too."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would go; remove nothing.")
    ] = False,
    server: Annotated[
        bool, typer.Option("--server", help="Let the server do it, not this machine.")
    ] = False,
    url: Url = None,
    api_key: Key = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Remove what operating systems and, with --deep, tools have left behind.

    Never what git tracks, repositories inside of the folder, virtual
    environments, other file systems, or anything through a link. Each run
    but a dry one leaves its manifest in the data folder, below cleanups.

    Exit codes:
    0 all of it went
    1 something could not be removed
    2 the folder must not be cleaned
    """
    from lemnos.cli.cleaning import clean_here, clean_there, print_cleaned
    from lemnos.cli.discovery import find_server, local_settings

    root, out = Path(path).absolute(), Output(as_json)
    if server:
        cleaned = clean_there(find_server(url, api_key, data), out, root, deep, dry_run)
    else:
        cleaned = clean_here(local_settings(data).data_dir, out, root, deep, dry_run)
    out.give(cleaned, lambda to: print_cleaned(to, cleaned))
    if cleaned["manifest"]["errors"]:
        raise typer.Exit(1)
