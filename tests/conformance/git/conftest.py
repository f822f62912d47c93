"""The git port against real remotes: a path, a file:// address, and HTTP with a token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lemnos.adapters.git import GitCli
from lemnos.adapters.net import NetGuard
from lemnos.domains.workspaces.ports import Remote
from tests.support.git_http import GitServer

TOKEN = "t0ken-that-must-not-leak"
FILES: dict[str, str | bytes] = {
    "README.md": "hello\n",
    "src/app.py": "".join(f"line {n}\n" for n in range(50)),
    "src/data.bin": b"\0\1\2\3",
    "src/old name.txt": "".join(f"row {n}\n" for n in range(20)),
}


@dataclass(frozen=True)
class Host:
    """A repository ``acme/shop`` as one transport shows it; ``bare`` is where it really is."""

    server: GitServer
    bare: Path
    kind: str

    def remote(self, name: str = "acme/shop", token: str = TOKEN, scope: str = "tenant") -> Remote:
        if self.kind == "http":
            return Remote(self.server.repository_url(name), token=token, scope=scope)
        path = self.server.git.root / f"{name}.git"
        return Remote(f"file://{path}" if self.kind == "file" else str(path), scope=scope)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "hosted", token=TOKEN) as server:
        yield server


@pytest.fixture(params=["path", "file", "http"])
def host(request: pytest.FixtureRequest, server: GitServer) -> Host:
    return Host(server, server.create("acme/shop", FILES), request.param)


@pytest.fixture
def guard(tmp_path: Path) -> NetGuard:
    return NetGuard(["127.0.0.1"], [tmp_path / "hosted"])


@pytest.fixture
def git_port(tmp_path: Path, guard: NetGuard) -> Iterator[GitCli]:
    port = GitCli(tmp_path / "mirrors", guard)
    yield port
    port.close()
