"""A server of our own for the duration of a command, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lemnos.cli.client import Client
from lemnos.cli.discovery import Server, read_key, recorded
from lemnos.cli.errors import CommandError

_START_SECONDS = 60.0
_POLL = 0.05
_STOP_SECONDS = 40.0
_LOG = "embedded-server.log"


@contextmanager
def own_server(data: Path, *, cwd: Path, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Start a server on a free port of this machine; it is stopped at the end.

    ``cwd`` decides which repositories on disk may be named. The server also ends by itself when
    this process dies, however it dies: it watches its standard input.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = data / _LOG
    command = [sys.executable, "-m", "lemnos.cli", "serve", "--host", "127.0.0.1", "--port", "0"]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*command, "--data", str(data), "--stop-with-stdin"],
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=sink,
            cwd=cwd,
            env=_environment() if env is None else dict(env),
            start_new_session=True,  # Ctrl-C is for the command, which then ends its server
        )
    try:
        yield _ready(process, data, log)
    finally:
        _stop(process)


def _environment() -> dict[str, str]:
    """Ours, with a settings file that is found from another working directory too."""
    env = dict(os.environ)
    if env.get("LEMNOS_CONFIG"):
        env["LEMNOS_CONFIG"] = str(Path(env["LEMNOS_CONFIG"]).absolute())
    return env


def _ready(process: subprocess.Popen[bytes], data: Path, log: Path) -> Server:
    ends = time.monotonic() + _START_SECONDS
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise CommandError(
                f"The embedded server could not start: {_last_line(log)}",
                code="server_failed",
                hint=f"Its log is {log}.",
            )
        found = recorded(data)
        if found and found[1] == process.pid:
            server = Server(found[0], read_key(data))
            with Client(server) as client:
                if client.is_ready():
                    return server
        time.sleep(_POLL)
    raise CommandError(
        f"The embedded server was not ready within {_START_SECONDS:g} s.",
        code="server_slow",
        hint=f"Its log is {log}.",
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it as an operator would; twice if it has to be."""
    for sign in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        process.send_signal(sign)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    if process.stdin is not None:
        process.stdin.close()


def _last_line(log: Path) -> str:
    """What the server said last; its log lines are JSON objects, errors with a field ``error``."""
    lines = log.read_text(errors="replace").strip().splitlines()
    for line in reversed(lines):
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and said.get("error"):
            return str(said["error"])
    return lines[-1] if lines else "it said nothing."
