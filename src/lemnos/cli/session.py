"""What the commands have in common: where the server is, and how to print.

``@connected`` gives a command an open :class:`Session` as its first argument and the options
``--url``, ``--api-key``, ``--data`` and ``--json``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lemnos.cli.output import Output

if TYPE_CHECKING:
    from lemnos.cli.client import Client

Url = Annotated[str | None, typer.Option("--url", help="Server to talk to (LEMNOS_URL).")]
Key = Annotated[str | None, typer.Option("--api-key", help="Key to use (LEMNOS_API_KEY).")]
Data = Annotated[str | None, typer.Option("--data", help="Data folder (LEMNOS_DATA).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database-url", help="postgresql://… (LEMNOS_DATABASE_URL).")
]

_COMMON = {
    "url": (Url, None),
    "api_key": (Key, None),
    "data": (Data, None),
    "as_json": (AsJson, False),
}


@dataclass(frozen=True, slots=True)
class Session:
    """An open connection and the place to print to."""

    client: Client
    out: Output


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a session in place of its first parameter, and the common options."""
    signature = inspect.signature(command, eval_str=True)
    own = list(signature.parameters.values())[1:]

    @wraps(command)
    def run(**given: Any) -> None:
        from lemnos.cli.client import Client
        from lemnos.cli.discovery import find_server

        as_json = given.pop("as_json")
        server = find_server(given.pop("url"), given.pop("api_key"), given.pop("data"))
        with Client(server) as client:
            command(Session(client, Output(as_json)), **given)

    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _COMMON.items()
    ]
    own = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    run.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in (*own, *options)}
    del run.__wrapped__  # typer would look through it, at the parameters as they were written
    return run
