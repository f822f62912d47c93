"""``lemnos git-keys``: credentials for git hosts."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lemnos.cli.output import moment, table, visible
from lemnos.cli.session import Session, connected

app = typer.Typer(
    no_args_is_help=True, help="Credentials for git hosts, sealed in the server's database."
)
Name = Annotated[str, typer.Argument(help="The name that tasks refer to.")]


@app.command("add")
@connected
def add(
    at: Session,
    name: Name,
    provider: Annotated[str, typer.Option(help="github, gitlab, gitea or generic.")] = "github",
    token_env: Annotated[
        str, typer.Option(metavar="VARIABLE", help="Variable that holds the token.")
    ] = "",
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    host: Annotated[
        str, typer.Option(help="The only host[:port] that it is for; needed for one of your own.")
    ] = "",
) -> None:
    """Register a token: typed in unseen, piped in, or from a variable."""
    from lemnos.cli.secret_input import read_secret

    token = read_secret("token", token_env)
    body = {"name": name, "provider": provider, "token": token, "scope": note, "host": host}
    said = at.client.register_key(body)
    at.out.give(said, lambda to: to.print(f"{said['message']} Use it: --git-key {name}"))


@app.command("list")
@connected
def list_keys(at: Session) -> None:
    """Names and hosts, never the tokens."""
    keys = at.client.keys()
    rows = [[key["name"], key["provider"], key["scope"], moment(key["created_at"])] for key in keys]
    columns = ("name", "provider", "note", "created")
    at.out.give({"keys": keys}, lambda to: to.print(table("", columns, rows)))


@app.command("remove")
@connected
def remove(at: Session, name: Name) -> None:
    """Forget a token. Tasks that name it and start later fail."""
    said = at.client.delete_key(name)
    at.out.give(said, lambda to: to.print(said["message"]))


@app.command("verify")
@connected
def verify(
    at: Session,
    name: Name,
    repo: Annotated[str, typer.Option(help="A repository on a host of your own.")] = "",
) -> None:
    """Ask the host whether it accepts the token; exit code 1 if it does not."""
    said = at.client.verify_key(name, repo)

    def human(to: Any) -> None:
        scopes = f", scopes {', '.join(said['scopes'])}" if said["scopes"] else ""
        good = f"Valid: {said['account']}{scopes}"
        to.print(visible(good if said["valid"] else f"Not valid: {said['problem']}"))

    at.out.give(said, human)
    if not said["valid"]:
        raise typer.Exit(1)
