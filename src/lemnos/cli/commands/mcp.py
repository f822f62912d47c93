"""``lemnos mcp``: MCP servers for all tasks."""

from __future__ import annotations

from typing import Annotated

import typer

from lemnos.cli.output import table
from lemnos.cli.session import Session, connected

app = typer.Typer(no_args_is_help=True, help="MCP servers that every task's agent may use.")
Name = Annotated[str, typer.Argument(help="Letters, digits, _ and -.")]
_OPTIONS = {"metavar": "NAME[=VALUE]"}


@app.command("add")
@connected
def add(
    at: Session,
    name: Name,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[-- ARGS]", help="Arguments of the server.")
    ] = None,
    package: Annotated[str, typer.Option(help="An npm package, run by npx.")] = "",
    command: Annotated[str, typer.Option(help="A program on the server's machine.")] = "",
    mcp_url: Annotated[str, typer.Option("--mcp-url", help="A server over HTTP.")] = "",
    env: Annotated[
        list[str] | None, typer.Option(**_OPTIONS, help="For its environment; may be repeated.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(**_OPTIONS, help="For its requests; may be repeated.")
    ] = None,
) -> None:
    """Register a server. NAME alone takes the value from this shell's environment.

    A task's own server of the same name goes before it.
    """
    from lemnos.cli.secret_input import pairs

    body = {
        "name": name,
        "package": package,
        "command": command,
        "url": mcp_url,
        "args": arguments or [],
        "env": pairs(env or (), "--env"),
        "headers": pairs(header or (), "--header"),
    }
    said = at.client.register_mcp_server({key: value for key, value in body.items() if value})
    at.out.give(said, lambda to: to.print(said["message"]))


@app.command("list")
@connected
def list_servers(at: Session) -> None:
    """The servers; the values of environment and headers are never shown."""
    servers = at.client.mcp_servers()
    rows = [
        [
            one["name"],
            one["url"] or one["command"] or one["package"],
            " ".join(one["args"]),
            ", ".join([*one["env"], *one["headers"]]),
        ]
        for one in servers
    ]
    columns = ("name", "runs", "arguments", "secrets")
    at.out.give({"servers": servers}, lambda to: to.print(table("", columns, rows)))


@app.command("remove")
@connected
def remove(at: Session, name: Name) -> None:
    """Forget a server."""
    said = at.client.delete_mcp_server(name)
    at.out.give(said, lambda to: to.print(said["message"]))
