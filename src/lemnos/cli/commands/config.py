"""``lemnos config``: settings and the secrets that belong to a data folder."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from lemnos.cli.errors import CommandError, WrongUsage
from lemnos.cli.output import Output, table
from lemnos.cli.session import AsJson, Data
from lemnos.settings import Settings, default_data, describe, resolve

app = typer.Typer(no_args_is_help=True, help="Show the settings in force, and local secrets.")

SECRETS = frozenset(
    {"master_key", "callback_secret", "anthropic_api_key", "openai_api_key", "database_url"}
    | {"redis_url", "jwt_secret"}
)
_MASK = "•••"


@app.command("get")
def get(
    name: Annotated[str, typer.Argument(help="A setting, or api.key, or callback.secret.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Print one value and nothing else, secrets in clear."""
    settings, _ = _resolved(data)
    value = _value(settings, name)
    Output(as_json).give(
        {"name": name, "value": value}, lambda to: to.print(_plain(value), soft_wrap=True)
    )


@app.command("list")
def list_settings(data: Data = None, as_json: AsJson = False) -> None:
    """All settings: the value in force, and where it came from. Secrets are masked."""
    settings, sources = _resolved(data)
    shown = [
        {
            "name": name,
            "variable": variable,
            "value": _masked(name, getattr(settings, name)),
            "source": sources.get(name, "default"),
            "meaning": meaning,
        }
        for name, variable, _, meaning in describe()
    ]
    rows = [
        [each["name"], _plain(each["value"]), each["source"], each["meaning"]] for each in shown
    ]
    columns = ("setting", "value", "from", "meaning")
    Output(as_json).give(shown, lambda to: to.print(table("", columns, rows)))


@app.command("path")
def path(data: Data = None, as_json: AsJson = False) -> None:
    """Where the data folder and the settings file are."""
    settings, _ = _resolved(data)
    file = Path(os.environ.get("LEMNOS_CONFIG") or settings.data_dir / "config.toml").absolute()
    shown = {"data": str(settings.data_dir), "file": str(file), "file_exists": file.is_file()}

    def human(to: Any) -> None:
        to.print(f"data folder    {shown['data']}", soft_wrap=True)
        state = "" if shown["file_exists"] else "  (not there: all defaults)"
        to.print(f"settings file  {shown['file']}{state}", soft_wrap=True)

    Output(as_json).give(shown, human)


@app.command("reference")
def reference(as_json: AsJson = False) -> None:
    """The table of all settings, in Markdown; docs/configuration.md holds it."""
    columns = ("setting", "variable", "default", "meaning")
    rows = [dict(zip(columns, row, strict=True)) for row in describe()]
    text = "\n".join(_markdown(columns, [list(row.values()) for row in rows]))
    Output(as_json).give({"settings": rows}, lambda to: to.print(text, soft_wrap=True))


def _markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for name, variable, default, meaning in rows:
        shown = f"`{default}`" if default else ""
        yield f"| `{name}` | `{variable}` | {shown} | {meaning.replace('|', '&#124;')} |"


def _resolved(data: str | None) -> tuple[Settings, dict[str, str]]:
    return resolve(flags={"data": data})


def _value(settings: Settings, name: str) -> Any:
    if name == "api.key":
        return _owner_key(settings)
    if name == "callback.secret":
        return _callback_secret(settings)
    known = [setting for setting, *_ in describe()]
    wanted = name.removeprefix("LEMNOS_").lower().replace("-", "_")
    if wanted not in known:
        near = difflib.get_close_matches(wanted, ["api.key", "callback.secret", *known], 1)
        hint = f"Did you mean {near[0]}?" if near else "`lemnos config list` shows all."
        raise WrongUsage(f"There is no setting {name!r}.", code="unknown_setting", hint=hint)
    return str(settings.data_dir) if wanted == "data" else getattr(settings, wanted)


def _owner_key(settings: Settings) -> str:
    from lemnos.cli.discovery import read_key

    key = read_key(settings.data_dir)
    if not key:
        raise CommandError(
            f"There is no key in {settings.data_dir} yet.",
            code="no_key",
            hint="The first `lemnos serve` on a loopback address makes it; --data names its folder."
            " `lemnos keys create NAME` makes further ones.",
        )
    return key


def _callback_secret(settings: Settings) -> str:
    from lemnos.foundation import callback_secret

    made = settings.master_key or (settings.data_dir / "master.key").exists()
    if not (settings.callback_secret or made):
        raise CommandError(
            f"There is no secret in {settings.data_dir} yet.",
            code="no_secret",
            hint="The first `lemnos serve` makes it; --data names its folder.",
        )
    return callback_secret(settings).decode()


def _masked(name: str, value: Any) -> Any:
    if name == "data":
        return value or default_data()
    return _MASK if name in SECRETS and value else value


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name}: {_plain(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)
