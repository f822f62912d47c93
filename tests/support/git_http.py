"""A git host over smart HTTP: the real `git http-backend` behind a token check.

    with GitServer(tmp_path, token="s3cret") as git:
        git.create("acme/shop", {"README.md": "hello\\n"})
        ...  # git clone git.repository_url("acme/shop")

The protocol is that of gitprotocol-http(5); the backend is run as a CGI program (RFC 3875).
"""

from __future__ import annotations

import base64
import gzip
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.git_repos import CLEAN_GIT_ENV, Files, create_bare, git
from tests.support.loopback import App, LoopbackServer, Reply, Request


@dataclass
class GitFault:
    """What the host does instead of, or before, its work, for the next `times` requests."""

    status: int | None = None
    redirect: str | None = None
    delay: float = 0.0
    times: int = 1_000_000


class GitApp:
    """Serves the bare repositories under `root` at `/<owner>/<repo>.git`.

    With a token, every request needs it: as the password of any user (Basic), or as a bearer
    token. `authorizations` are the Authorization headers seen, None for a request without one.
    `fault` is armed by `break_down` and disarmed by `recover`.
    """

    def __init__(self, root: Path, token: str | None = None) -> None:
        self.root = root
        self.token = token
        self.authorizations: list[str | None] = []
        self.requests: list[Request] = []
        self.fault: GitFault | None = None
        self._lock = threading.Lock()
        self._recovered = threading.Event()

    def create(self, name: str, files: Files | None = None, commits: Sequence[Files] = ()) -> Path:
        """Create `owner/repo`; returns the path of the bare repository."""
        bare = create_bare(self.root / f"{name}.git", files, commits=commits)
        git("config", "http.receivepack", "true", cwd=bare)
        return bare

    def break_down(self, fault: GitFault) -> None:
        with self._lock:
            self._recovered.clear()
            self.fault = fault

    def recover(self) -> None:
        """Disarm the fault; requests that it delays go on at once."""
        with self._lock:
            self.fault = None
            self._recovered.set()

    def handle(self, request: Request) -> Reply | None:
        if ".git/" not in request.path:
            return None
        with self._lock:
            self.requests.append(request)
            self.authorizations.append(request.headers.get("authorization"))
        return self._faulty(request) or self._unauthorized(request) or self._backend(request)

    def _faulty(self, request: Request) -> Reply | None:
        with self._lock:
            fault = self.fault
            if fault is None or fault.times <= 0:
                return None
            fault.times -= 1
        if fault.delay:
            self._recovered.wait(fault.delay)
        if fault.redirect is not None:
            return Reply(302, headers={"Location": fault.redirect + request.target})
        return None if fault.status is None else Reply(fault.status, b"scripted failure\n")

    def _unauthorized(self, request: Request) -> Reply | None:
        if self.token is None or _presented_token(request) == self.token:
            return None
        return Reply(401, b"a token is needed\n", {"WWW-Authenticate": 'Basic realm="git"'})

    def _backend(self, request: Request) -> Reply:
        body = request.body
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        env = CLEAN_GIT_ENV | {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            "REQUEST_METHOD": request.method,
            "PATH_INFO": request.path,
            "QUERY_STRING": request.target.partition("?")[2],
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": "tester",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            ["git", "http-backend"], env=env, input=body, capture_output=True, check=False
        )
        return _from_cgi(done.stdout)


class GitServer(LoopbackServer):
    """A server with one GitApp, and perhaps others beside it (a forge's API)."""

    def __init__(self, root: Path, token: str | None = None, *beside: App) -> None:
        self.git = GitApp(root, token)
        super().__init__(self.git, *beside)

    def create(self, name: str, files: Files | None = None, commits: Sequence[Files] = ()) -> Path:
        return self.git.create(name, files, commits)

    def repository_url(self, name: str) -> str:
        return f"{self.url}/{name}.git"


def _presented_token(request: Request) -> str | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value
    if kind.lower() != "basic":
        return None
    return base64.b64decode(value).decode().partition(":")[2]


def _from_cgi(output: bytes) -> Reply:
    """RFC 3875, section 6: header lines, among them perhaps `Status`, an empty line, the body."""
    head, _, body = output.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
    status = int(headers.pop("Status", "200 OK").split()[0])
    return Reply(status, body, headers)
