"""``lemnos keys``: the API keys of Lemnos itself."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from lemnos.cli.errors import NoData, WrongUsage
from lemnos.cli.output import Output, moment, table
from lemnos.cli.session import AsJson, Data, DatabaseUrl
from lemnos.kernel import clock

app = typer.Typer(
    no_args_is_help=True,
    help="API keys of Lemnos. They are kept in the data folder; no server has to run.",
)

_ROLES = "owner, admin, developer, viewer; of services: guard-rails, cleanup, analytics"
_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhdw])")


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    role: Annotated[
        list[str] | None,
        typer.Option(help=f"{_ROLES}; may be repeated. [developer]"),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="Narrow it to permissions such as tasks:read, or to guard-rails, cleanup or "
            "analytics; may be repeated."
        ),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="30d, 12h, 90m or 4w; never if left out.")
    ] = None,
    tier: Annotated[str, typer.Option(help="Rate limit: standard or premium.")] = "standard",
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown this once; only its hash is kept."""
    from lemnos.cli.offline import offline
    from lemnos.platform.identity import NewKey

    ends = _expiry(expires) if expires else None
    new = NewKey(name, tuple(role or ("developer",)), tuple(scope or ()), tier, ends)
    key, secret = offline(data, database_url, lambda at: at.keys.create_key(at.ctx, new))
    out = Output(as_json)
    out.note(f"Key {key.id} ({name}), roles {', '.join(key.roles)}. It is not shown again:")
    out.give({**_shown(key), "key": secret}, lambda to: to.print(secret, soft_wrap=True))


@app.command("token")
def token(
    subject: Annotated[str, typer.Argument(help="Whom it is for, as the audit log will say.")],
    role: Annotated[
        list[str] | None,
        typer.Option(help=f"{_ROLES}; may be repeated. [developer]"),
    ] = None,
    expires: Annotated[str, typer.Option(help="30d, 12h, 90m or 4w.")] = "1h",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Issue a JWT: a credential that ends by itself and that no database has to know."""
    from lemnos.cli.discovery import local_settings
    from lemnos.foundation import TENANT, token_issuer
    from lemnos.kernel.context import Principal
    from lemnos.platform.identity import ROLES, permissions_of

    ends = _expiry(expires)
    roles = tuple(role or ("developer",))
    if unknown := [name for name in roles if name not in ROLES]:
        raise WrongUsage(f"There is no role {unknown[0]}; there are {', '.join(ROLES)}.")
    settings = local_settings(data)
    if not (settings.master_key or settings.data_dir.is_dir()):
        raise NoData(settings.data_dir)
    principal = Principal(TENANT, subject, roles, permissions_of(roles, None))
    lifetime = (ends - clock.now()) // clock.SECOND
    issued = token_issuer(settings).issue(principal, lifetime)
    out = Output(as_json)
    out.note(f"For {subject}, roles {', '.join(roles)}, until {clock.iso(ends)[:16]}Z:")
    shown = {"token": issued, "subject": subject, "roles": roles, "expires_at": clock.iso(ends)}
    out.give(shown, lambda to: to.print(issued, soft_wrap=True))


@app.command("list")
def list_keys(data: Data = None, database_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """All keys, without the keys themselves."""
    from lemnos.cli.offline import offline

    keys = [
        _shown(key) for key in offline(data, database_url, lambda at: at.keys.list_keys(at.ctx))
    ]
    columns = ("id", "name", "begins with", "roles", "scopes", "tier", "state", "last used")
    rows = [
        [
            key["id"],
            key["name"],
            f"{key['prefix']}…",
            ", ".join(key["roles"]),
            ", ".join(key["scopes"]),
            key["tier"],
            key["state"],
            moment(key["last_used_at"]),
        ]
        for key in keys
    ]
    Output(as_json).give({"keys": keys}, lambda to: to.print(table("", columns, rows)))


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `lemnos keys list` shows it.")],
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make a key worthless; a running server refuses it within ten seconds."""
    from lemnos.cli.offline import offline

    key = offline(data, database_url, lambda at: at.keys.revoke_key(at.ctx, key_id))
    Output(as_json).give(_shown(key), lambda to: to.print(f"Revoked {key.id} ({key.name})."))


def _expiry(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise WrongUsage(
            f"{text!r} is not a duration such as 30d, 12h, 90m or 4w.", code="invalid_duration"
        )
    return clock.now() + int(match[1]) * _UNITS[match[2]] * clock.SECOND


def _shown(key: Any) -> dict[str, Any]:
    now = clock.now()
    ended = key.expires_at is not None and key.expires_at <= now
    expiry = f"until {clock.iso(key.expires_at)[:10]}" if key.expires_at else "valid"
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "roles": list(key.roles),
        "scopes": list(key.scopes),
        "tier": key.tier,
        "state": "revoked" if key.revoked_at else "expired" if ended else expiry,
        "created_by": key.created_by,
        "created_at": clock.iso(key.created_at),
        "expires_at": clock.iso_or_none(key.expires_at),
        "revoked_at": clock.iso_or_none(key.revoked_at),
        "last_used_at": clock.iso_or_none(key.last_used_at),
    }
