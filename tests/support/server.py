"""A real Lemnos server in a process of its own, driven from outside.

    with LemnosServer(tmp_path, allowed_hosts=["127.0.0.1"]) as server:
        task = server.create(repo_url=…, prompt="…", config={"cli": "builtin"})
        server.wait(task["id"], "completed")

It is driven as a user drives it, by the command, the environment and HTTP; only tokens of other
tenants are made behind its back.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx2

from lemnos.kernel.context import Principal
from lemnos.platform.db.migrate import migrate
from lemnos.platform.identity import TokenIssuer, TokenSettings
from lemnos.platform.secrets import decode_master_key, derive, load_or_create_master_key

START_TIMEOUT = 60.0  # seconds, on a machine that has other things to do
PATIENCE = 60.0  # seconds that a test waits for what must come
RESTING = ("completed", "failed", "cancelled", "pr_created")
_PROGRAM = (
    "import sys; from lemnos.server import serve; from lemnos.settings import load;"
    " sys.exit(serve(load()))"
)
# What a process needs to run at all. Credentials of whoever runs the tests stay outside.
_PASSED_ON = ("PATH", "LANG", "TZ", "TMPDIR", "HOME", "LEMNOS_NPM_DIR", "SSL_CERT_FILE")


@dataclass(frozen=True)
class StreamEvent:
    """One server-sent event. `name` is empty for the unnamed data events, `id` then a number."""

    name: str
    data: Any
    id: int | None = None


class LemnosServer:
    """`lemnos serve` with a data folder of its own; start, stop, kill and start again.

    `env` adds settings (`LEMNOS_…`). `database_url` names a PostgreSQL database whose schema is
    in place (see `prepare_database`); without one it is SQLite. The working folder is the data
    folder's parent, so local repositories under it may be named unless `allowed_roots` says else.
    """

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str = "",
        allowed_hosts: Sequence[str] = (),
        allowed_roots: Sequence[Path] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log_path = folder / "server.log"
        self.database_url = database_url
        self.env = _environment(self.data, database_url, allowed_hosts, allowed_roots, env or {})
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._client: httpx2.Client | None = None

    # --- its life ------------------------------------------------------------------------------

    def start(self, *, wait: bool = True) -> Self:
        """Start it with the data that is there; returns when it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        """Wait for the file in which it says where it is, and that it is this process."""

        def announced() -> bool:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}\n{self.log}")
            found = self._server_file()
            return found is not None and found["pid"] == self.pid

        self.until(announced, START_TIMEOUT, "the server is ready")
        found = self._server_file()
        assert found is not None
        self.url = found["url"]
        self._forget_client()

    def stop(self, timeout: float = 60.0) -> int:
        """SIGTERM, then wait until it has drained; its exit status. Idempotent."""
        self._forget_client()
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise RuntimeError(f"the server did not stop\n{self.log[-4000:]}") from None
        status = self._process.returncode
        self._process = None
        return status

    def kill9(self) -> None:
        """End it without a chance to do anything. Its agents and git processes live on."""
        self._forget_client()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._process = None

    def restart(self) -> Self:
        """Stop and start again with the same data."""
        self.stop()
        return self.start()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        """Everything that it has written to stdout and stderr, over all its lives."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    @property
    def complaints(self) -> str:
        """The end of the log without its lines for requests: for messages of failed tests."""
        lines = [line for line in self.log.splitlines() if '"event":"request"' not in line]
        return "\n".join(lines[-20:])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- speaking to it ------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """The owner's API key, as the first start on a loopback address made it."""
        return (self.data / "api.key").read_text().strip()

    @property
    def client(self) -> httpx2.Client:
        """A client with the owner's key; its paths are relative to the server's root."""
        if self._client is None:
            self._client = self.client_with(self.key)
        return self._client

    def client_with(self, credential: str | None) -> httpx2.Client:
        """A client with another credential, or with none. The caller closes it."""
        headers = {"Authorization": f"Bearer {credential}"} if credential else {}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=PATIENCE, trust_env=False)

    def token(
        self,
        tenant: str = "default",
        roles: Sequence[str] = ("owner",),
        permissions: Collection[str] | None = None,
        subject: str = "tester",
        lifetime: int | None = None,
    ) -> str:
        """A JWT of this server's for any tenant and any permissions its roles grant."""
        given = self.env.get("LEMNOS_MASTER_KEY")
        path = self.data / "master.key"
        master = decode_master_key(given) if given else load_or_create_master_key(path)
        key = derive(master, "jwt")
        granted = frozenset({"*"} if permissions is None else permissions)
        caller = Principal(tenant, subject, tuple(roles), granted)
        return TokenIssuer(TokenSettings(key)).issue(caller, lifetime)

    def create(self, **body: Any) -> dict[str, Any]:
        """Create a task; the answer to it. A refusal raises."""
        answer = self.client.post("/api/v1/tasks", json=body)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def task(self, task_id: str, include: str = "") -> dict[str, Any]:
        """A task as the API shows it."""
        params = {"include": include} if include else {}
        answer = self.client.get(f"/api/v1/tasks/{task_id}", params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def wait(self, task_id: str, *statuses: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """Wait until a task is in one of these states; any state of rest ends the wait."""
        found: dict[str, Any] = {}

        def there() -> bool:
            found.update(self.task(task_id))
            return found["status"] in statuses or (not statuses and found["status"] in RESTING)

        def lost() -> bool:
            return bool(statuses) and found["status"] in RESTING

        self.until(lambda: there() or lost(), timeout, f"{task_id} is {statuses or 'at rest'}")
        assert not statuses or found["status"] in statuses, f"{found}\n{self.complaints}"
        return found

    def stream(self, task_id: str, after: int = 0) -> Iterator[StreamEvent]:
        """Follow a task's stream until the server ends it."""
        headers = {"Last-Event-ID": str(after)} if after else {}
        path = f"/api/v1/tasks/{task_id}/stream"
        with self.client.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200, answer.read()
            yield from parse_sse(answer.iter_lines())

    def events(self, task_id: str, after: int = 0) -> list[StreamEvent]:
        """All of a task's stream up to its end: for tasks that come to rest."""
        return list(self.stream(task_id, after))

    def until(
        self, condition: Callable[[], bool], timeout: float = PATIENCE, what: str = "it"
    ) -> None:
        """Wait for a condition. Raises TimeoutError with the end of the log."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {timeout} s: {what}\n{self.complaints}")
            time.sleep(0.05)

    def _server_file(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads((self.data / "server.json").read_text())
        except (OSError, ValueError):  # not there, or being written
            return None
        return found

    def _forget_client(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def parse_sse(lines: Iterator[str]) -> Iterator[StreamEvent]:
    """Events of a stream, as the WHATWG HTML standard reads them; data must be JSON."""
    name, number, data = "", None, list[str]()
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield StreamEvent(name, json.loads("\n".join(data)), number)
            name, number, data = "", None, []
        elif field == "event":
            name = value
        elif field == "id":
            number = int(value)
        elif field == "data":
            data.append(value)


def prepare_database(dsn: str) -> None:
    """Bring a PostgreSQL database's schema up to date, as the operator's command does."""
    migrate(dsn)


def _environment(
    data: Path,
    database_url: str,
    allowed_hosts: Sequence[str],
    allowed_roots: Sequence[Path],
    extra: Mapping[str, str],
) -> dict[str, str]:
    env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    env |= {
        "LEMNOS_DATA": str(data),
        "LEMNOS_PORT": "0",
        "LEMNOS_RATE_LIMITS": "off",
        "PYTHONUNBUFFERED": "1",
    }
    given = {
        "LEMNOS_DATABASE_URL": database_url,
        "LEMNOS_ALLOWED_HOSTS": ",".join(allowed_hosts),
        "LEMNOS_ALLOWED_ROOTS": ",".join(map(str, allowed_roots)),
    }
    return {**env, **{name: value for name, value in given.items() if value}, **extra}
