"""``lemnos doctor``: what works on this machine, and what to do about what does not."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import typer

import lemnos
from lemnos.cli.errors import CommandError
from lemnos.cli.output import Output, visible
from lemnos.cli.session import AsJson, Data, DatabaseUrl, Key, Url
from lemnos.kernel.errors import LemnosError

if TYPE_CHECKING:
    from lemnos.domains.agents.ports import RuntimeStatus
    from lemnos.settings import Settings

State = Literal["ok", "warning", "failed"]
_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "red")}
_LEAST_GIT = (2, 31)  # the first that takes its configuration from the environment
_LEAST_DISK = 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    detail: str
    hint: str = ""


def doctor(
    url: Url = None,
    api_key: Key = None,
    data: Data = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Look at git, sandbox, agents, database, disk and server. Exit code 1 if something fails."""
    from lemnos.cli.discovery import find_server, local_settings

    settings = local_settings(data, database_url=database_url)
    findings = list(_local(settings))
    findings += _server(lambda: find_server(url, api_key, data))
    failed = any(one.state == "failed" for one in findings)
    shown = {"ok": not failed, "findings": [asdict(one) for one in findings]}
    Output(as_json).give(shown, lambda to: _print(to, findings))
    if failed:
        raise typer.Exit(1)


def _local(settings: Settings) -> Iterator[Finding]:
    version = f"{platform.python_version()} ({sys.executable})"
    yield Finding("lemnos", "ok", f"{lemnos.__version__}, Python {version}")
    yield _git()
    yield _sandbox(settings)
    yield from _runtimes(settings)
    yield _database(settings)
    yield _data(settings)


def _git() -> Finding:
    try:
        said = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return Finding("git", "failed", f"does not run: {error}", "Install git.")
    version = said.stdout.split()[2] if len(said.stdout.split()) > 2 else "unknown"
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < _LEAST_GIT:
        return Finding("git", "failed", f"{version} is too old", "Install git 2.31 or later.")
    return Finding("git", "ok", version)


def _sandbox(settings: Settings) -> Finding:
    from lemnos.runners.sandbox.bubblewrap import why_not

    if settings.sandbox == "off":
        return Finding("sandbox", "warning", "switched off", "Set LEMNOS_SANDBOX=auto.")
    if not (problem := why_not()):
        return Finding("sandbox", "ok", "bubblewrap works")
    hint = "Install bubblewrap and allow unprivileged user namespaces."
    state: State = "failed" if settings.sandbox == "required" else "warning"
    return Finding("sandbox", state, f"agents would not be confined: {problem}", hint)


def _runtimes(settings: Settings) -> Iterator[Finding]:
    has_key = {"anthropic": settings.anthropic_api_key, "openai": settings.openai_api_key}
    for name, (needs, status) in asyncio.run(_probe(settings)).items():
        if not status.installed:
            yield Finding(f"agent {name}", "warning", status.problem, _INSTALL.get(name, ""))
        elif needs in has_key and not has_key[needs]:
            detail = f"{status.version}, without a key: tasks have to bring one"
            hint = f"Set {needs.upper()}_API_KEY for the server."
            yield Finding(f"agent {name}", "warning", detail, hint)
        else:
            yield Finding(f"agent {name}", "ok", status.version)


async def _probe(settings: Settings) -> dict[str, tuple[str, RuntimeStatus]]:
    """Each runtime: the model API that it needs, and whether it works here."""
    from lemnos.main.runners import make_runtimes
    from lemnos.runners.gateway import ModelGateway

    gateway = ModelGateway()
    try:
        runtimes = make_runtimes(settings, gateway)
        found = await runtimes.statuses()
        return {name: (runtimes.get(name).needs, status) for name, status in found.items()}
    finally:
        await gateway.close()


_INSTALL = {
    "claude-code": "npm install -g @anthropic-ai/claude-code, or set LEMNOS_CLAUDE_PATH.",
    "codex": "npm install -g @openai/codex, or set LEMNOS_CODEX_PATH.",
}


def _database(settings: Settings) -> Finding:
    from lemnos.foundation import database_url
    from lemnos.platform.db.migrate import check

    kind = "PostgreSQL" if settings.database_url else "SQLite"
    try:
        if check(database_url(settings)):
            return Finding("database", "ok", f"{kind}, schema current")
    except LemnosError as error:
        return Finding("database", "failed", f"{kind}: {error.message}")
    if settings.database_url:
        return Finding("database", "failed", f"{kind}, schema not current", "Run `lemnos migrate`.")
    return Finding("database", "ok", f"{kind}, made or migrated at the next start")


def _data(settings: Settings) -> Finding:
    folder = settings.data_dir
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding("data folder", "failed", f"{folder} cannot be written")
    free = shutil.disk_usage(existing).free
    detail = f"{folder}, {free / 1024**3:.1f} GiB free"
    if free < _LEAST_DISK:
        return Finding("data folder", "warning", detail, "Checkouts may not fit.")
    if folder.exists() and folder.stat().st_mode & 0o077:
        hint = f"chmod 700 {folder}"
        return Finding("data folder", "warning", f"{detail}; others can look into it", hint)
    return Finding("data folder", "ok", detail if folder.exists() else f"{detail}; not made yet")


def _server(find: Callable[[], Any]) -> list[Finding]:
    from lemnos.cli.client import Client

    server = find()
    try:
        with Client(server) as client:
            health = client.health()
            findings = [_component(name, one) for name, one in health["components"].items()]
            text = f"{server.url}, version {health['version']}, {health['status']}"
            state: State = "ok" if health["status"] == "healthy" else "warning"
            client.tasks(limit=1)  # whether the key is good
    except CommandError as error:
        if error.exit_code == 3 and not server.chosen:
            return [Finding("server", "ok", f"none runs at {server.url}")]
        return [Finding("server", "failed", error.message, error.hint)]
    return [Finding("server", state, text), *(one for one in findings if one.state != "ok")]


def _component(name: str, said: dict[str, Any]) -> Finding:
    state: State = {"ok": "ok", "degraded": "warning"}.get(said["status"], "failed")  # type: ignore[assignment]
    return Finding(f"server: {name}", state, str(said["detail"]))


def _print(to: Any, findings: list[Finding]) -> None:
    from rich.text import Text

    width = max(len(one.name) for one in findings)
    for one in findings:
        mark, style = _MARKS[one.state]
        line = Text.assemble((mark, style), f" {one.name:<{width}}  {visible(one.detail)}")
        to.print(line, soft_wrap=True)
        if one.hint and one.state != "ok":
            to.print(f"  {'':<{width}}  {one.hint}", style="dim", soft_wrap=True)
