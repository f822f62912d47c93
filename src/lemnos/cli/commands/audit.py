"""``lemnos audit``: who changed what, and whether that record is whole."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lemnos.cli.errors import WrongUsage
from lemnos.cli.output import Output, table
from lemnos.cli.session import AsJson, Data, DatabaseUrl

if TYPE_CHECKING:
    from lemnos.platform.audit.model import Head, Verdict

app = typer.Typer(
    no_args_is_help=True,
    help="The hash-chained record of every change. Read from the data folder; no server needed.",
)


@app.command("verify")
def verify(
    anchor: Annotated[
        str | None,
        typer.Option(metavar="SEQ:HASH", help="A head noted earlier, which the chain must have."),
    ] = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Walk the chain from its first entry to its head; exit code 1 if it does not hold."""
    from lemnos import foundation
    from lemnos.cli.offline import offline

    known = _anchor(foundation.TENANT, anchor) if anchor else None
    verdict = offline(data, database_url, lambda at: at.audit.verify(at.ctx.tenant, known))
    shown = {**asdict(verdict), "intact": verdict.intact}
    Output(as_json).give(shown, lambda to: to.print(_told(verdict), soft_wrap=True))
    if not verdict.intact:
        raise typer.Exit(1)


@app.command("list")
def list_entries(
    after: Annotated[int, typer.Option(min=0, help="Begin after this entry.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """The entries of the chain, in order."""
    from lemnos.cli.offline import offline
    from lemnos.kernel import clock

    found = offline(
        data, database_url, lambda at: at.audit.entries(at.ctx.tenant, after=after, limit=limit)
    )
    entries: list[dict[str, Any]] = [{**asdict(e), "ts": clock.iso(e.ts)} for e in found]
    columns = (">seq", "time", "actor", "action", "target", "outcome", "from")
    names = ("seq", "ts", "actor", "action", "target", "outcome", "remote")
    rows = [[entry[name] for name in names] for entry in entries]
    Output(as_json).give({"entries": entries}, lambda to: to.print(table("", columns, rows)))


def _anchor(tenant: str, text: str) -> Head:
    from lemnos.platform.audit.model import Head

    seq, _, digest = text.partition(":")
    if not seq.isdigit() or len(digest) != 64:
        raise WrongUsage(f"{text!r} is not SEQ:HASH, as `lemnos audit verify` shows a head.")
    return Head(tenant, int(seq), digest)


def _told(verdict: Verdict) -> str:
    head = f"head {verdict.head.seq}:{verdict.head.hash}"
    waiting = f"; {verdict.unsealed} not sealed yet" if verdict.unsealed else ""
    if verdict.intact:
        return f"The chain holds: {verdict.checked} entries{waiting}.\n{head}"
    return (
        f"The chain is BROKEN at entry {verdict.broken_seq} ({verdict.fault}); "
        f"{verdict.checked} entries before it hold{waiting}.\n{head}"
    )
