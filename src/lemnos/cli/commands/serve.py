"""``lemnos serve``."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from typing import Annotated

import typer

from lemnos.cli.session import Data, DatabaseUrl


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (LEMNOS_HOST).")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on, 0 for a free one (LEMNOS_PORT)."),
    ] = None,
    grpc_port: Annotated[
        int | None,
        typer.Option(
            min=-1,
            max=65535,
            help="Port of the gRPC services, 0 for a free one (LEMNOS_GRPC_PORT); off by default.",
        ),
    ] = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    node: Annotated[
        str | None, typer.Option(help="Stable name of this node, one of several (LEMNOS_NODE).")
    ] = None,
    stop_with_stdin: Annotated[bool, typer.Option("--stop-with-stdin", hidden=True)] = False,
) -> None:
    """Run the server until Ctrl-C or SIGTERM.

    Further settings come from LEMNOS_* variables or a file: see `lemnos config list`.
    """
    from lemnos.cli.discovery import local_settings

    settings = local_settings(
        data, host=host, port=port, grpc_port=grpc_port, database_url=database_url, node=node
    )
    if stop_with_stdin:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    # What is imported stays: looking for garbage in it is a fifth of the start. The server
    # turns the collector on again once it is up.
    gc.disable()
    from lemnos.server import serve as run_server

    try:
        status = run_server(settings)
    except SystemExit:  # uvicorn's way out when it cannot listen; it has said why
        status = 1
    raise typer.Exit(status)


def _stop_with_stdin() -> None:
    """Stop as soon as whoever holds the other end of the pipe is gone."""
    while sys.stdin.buffer.read(1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
