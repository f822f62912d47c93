"""Which server a command talks to, and with which key.

The URL: ``--url``, else ``LEMNOS_URL``, else the address that a running server has left in the data
folder, else the address that the settings name. The key: ``--api-key``, else ``LEMNOS_API_KEY``,
else the owner's key in the data folder; that one is sent to this machine only.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lemnos.cli.errors import WrongUsage
from lemnos.kernel.errors import Invalid
from lemnos.settings import LOOPBACK, Settings, load

KEY_FILE, SERVER_FILE = "api.key", "server.json"


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is or should be. ``chosen``: somebody named it, so no other will do."""

    url: str
    key: str = field(repr=False)
    chosen: bool = False


def local_settings(data: str | None = None, **flags: object) -> Settings:
    """The settings in force on this machine. Raises ``WrongUsage`` for settings that are wrong."""
    try:
        return load(flags={"data": data, **flags})
    except Invalid as error:
        raise WrongUsage(error.message, code=error.code) from error


def find_server(url: str | None, key: str | None, data: str | None = None) -> Server:
    """The server to talk to; whether it answers is not known yet."""
    settings = local_settings(data)
    named = url or os.environ.get("LEMNOS_URL")
    found = _checked(named) if named else running(settings.data_dir) or _configured(settings)
    given = key or os.environ.get("LEMNOS_API_KEY") or ""
    if not given and is_local(found):
        given = read_key(settings.data_dir)
    return Server(found, given, chosen=bool(named))


def read_key(data: Path) -> str:
    """The owner's key, empty while no server has made one."""
    try:
        return (data / KEY_FILE).read_text().strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise WrongUsage(f"Cannot read {data / KEY_FILE}: {error.strerror}.") from error


def running(data: Path) -> str | None:
    """The URL of the server that works on this data folder now, if there is one."""
    found = recorded(data)
    return found[0] if found and _alive(found[1]) else None


def recorded(data: Path) -> tuple[str, int] | None:
    """URL and process id that the last server has left in the data folder."""
    try:
        said = json.loads((data / SERVER_FILE).read_text())
        return str(said["url"]), int(said["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _configured(settings: Settings) -> str:
    host = settings.host if settings.on_loopback else "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port or 8000}"


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise WrongUsage(f"{url!r} is not the URL of a server, such as http://127.0.0.1:8000.")
    return url.rstrip("/")


def is_local(url: str) -> bool:
    """Whether the server is on this machine."""
    return urlsplit(url).hostname in LOOPBACK


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
