"""``lemnos webhooks``: endpoints that are told of events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from lemnos.cli.errors import WrongUsage
from lemnos.cli.orders import filled
from lemnos.cli.output import cell, moment, table
from lemnos.cli.session import Session, connected

app = typer.Typer(no_args_is_help=True, help="Endpoints that are told of events.")

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id.")]
Events = Annotated[
    list[str] | None,
    typer.Option(
        "--event",
        help="task.created, task.started, task.completed, task.failed, task.cancelled, "
        "task.awaiting_decision, analysis.completed or refactoring.applied; may be repeated.",
    ),
]
SecretVariable = Annotated[
    str,
    typer.Option(
        "--secret-env", metavar="VARIABLE", help="Variable with the secret; else one is made."
    ),
]


@app.command("create")
@connected
def create(
    at: Session,
    endpoint: Annotated[str, typer.Argument(metavar="URL", help="Where events are sent.")],
    event: Events = None,
    secret_env: SecretVariable = "",
    inactive: Annotated[bool, typer.Option("--inactive", help="Not to be told yet.")] = False,
) -> None:
    """Register an endpoint. A secret that is made here is shown this once."""
    if not event:
        raise WrongUsage("Name at least one --event.")
    body = filled(url=endpoint, events=event, secret=_secret(secret_env), active=not inactive)
    made = at.client.orchex.create_webhook(body)
    at.out.give(made, lambda to: _print_issued(to, made))


@app.command("list")
@connected
def list_webhooks(at: Session) -> None:
    """All endpoints, never their secrets."""
    page = at.client.orchex.webhooks()
    columns = ("webhook", "state", "events", "created", "url")
    rows = [
        [
            one["webhook_id"],
            _state(one),
            ", ".join(one["events"]),
            moment(one["created_at"]),
            one["url"],
        ]
        for one in page["webhooks"]
    ]
    at.out.give(page, lambda to: to.print(table("", columns, rows)))


@app.command("show")
@connected
def show(at: Session, webhook_id: WebhookId) -> None:
    """One endpoint, and why it was switched off if it was."""
    found = at.client.orchex.webhook(webhook_id)
    at.out.give(found, lambda to: _print_webhook(to, found))


@app.command("update")
@connected
def update(
    at: Session,
    webhook_id: WebhookId,
    webhook_url: Annotated[str, typer.Option("--webhook-url", help="A new address.")] = "",
    event: Events = None,
    active: Annotated[bool | None, typer.Option("--on/--off", help="Tell it or not.")] = None,
) -> None:
    """Change what is named. What waits for it then goes out at once, or is given up when off."""
    body = filled(url=webhook_url, events=event, active=active)
    if not body:
        raise WrongUsage("Nothing was named that should change.")
    found = at.client.orchex.update_webhook(webhook_id, body)
    at.out.give(found, lambda to: _print_webhook(to, found))


@app.command("delete")
@connected
def delete(at: Session, webhook_id: WebhookId) -> None:
    """Forget an endpoint and its secret."""
    at.client.orchex.delete_webhook(webhook_id)
    said = {"webhook_id": webhook_id, "deleted": True}
    at.out.give(said, lambda to: to.print(f"{cell(webhook_id)} is deleted."))


@app.command("test")
@connected
def test(at: Session, webhook_id: WebhookId) -> None:
    """Send it the event webhook.test now, also when it is switched off."""
    said = at.client.orchex.test_webhook(webhook_id)
    text = f"{said['delivery_id']} goes out. See `lemnos webhooks deliveries {webhook_id}`."
    at.out.give(said, lambda to: to.print(cell(text), soft_wrap=True))


@app.command("rotate")
@connected
def rotate(
    at: Session,
    webhook_id: WebhookId,
    secret_env: SecretVariable = "",
    overlap: Annotated[
        int | None, typer.Option(min=0, help="Seconds for which the old one signs too. [86400]")
    ] = None,
) -> None:
    """Give it a new secret; meanwhile both sign, so that receivers can change over."""
    body = filled(secret=_secret(secret_env), overlap_seconds=overlap)
    made = at.client.orchex.rotate_webhook(webhook_id, body)
    at.out.give(made, lambda to: _print_issued(to, made))


@app.command("deliveries")
@connected
def deliveries(at: Session, webhook_id: WebhookId) -> None:
    """The last 50 things that were sent to it and what came of each, the newest first."""
    page = at.client.orchex.deliveries(webhook_id)
    columns = ("delivery", "event", "state", ">attempts", "last answer", "created", "next")
    rows = [_delivery_row(one) for one in page["deliveries"]]
    at.out.give(page, lambda to: to.print(table("", columns, rows)))


@app.command("redeliver")
@connected
def redeliver(
    at: Session,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="Its id.")],
) -> None:
    """Send a delivery once more, whether it had landed or not."""
    said = at.client.orchex.redeliver(delivery)
    at.out.give(said, lambda to: to.print(f"{cell(said['delivery_id'])} goes out again."))


def _secret(variable: str) -> str:
    from lemnos.cli.secret_input import from_variable

    return from_variable(variable) if variable else ""


def _state(one: Mapping[str, Any]) -> str:
    if one["active"]:
        return "on"
    return "switched off by the server" if one["off_reason"] else "off"


def _print_webhook(to: Any, one: Mapping[str, Any]) -> None:
    facts = {
        "id": one["webhook_id"],
        "url": one["url"],
        "events": ", ".join(one["events"]),
        "state": _state(one),
        "reason": one["off_reason"],
        "old secret": one["previous_secret_until"]
        and f"signs too until {moment(one['previous_secret_until'])}",
        "created": moment(one["created_at"]),
    }
    for name, value in facts.items():
        if value:
            to.print(f"{name:<12}{cell(value)}", soft_wrap=True)


def _print_issued(to: Any, made: Mapping[str, Any]) -> None:
    _print_webhook(to, made)
    if made["secret"]:
        to.print(f"{'secret':<12}{cell(made['secret'])}", soft_wrap=True)
        to.print("It is not shown again.", style="yellow")


def _delivery_row(one: Mapping[str, Any]) -> list[object]:
    attempts = one["attempts"]
    last = attempts[-1] if attempts else {}
    return [
        one["delivery_id"],
        one["event"],
        one["state"],
        len(attempts),
        last.get("problem") or last.get("status"),
        moment(one["created_at"]),
        moment(one["next_attempt_at"]),
    ]
