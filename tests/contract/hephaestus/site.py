"""A server, and a project below its folder that is a repository with a real history."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.support.git_repos import git
from tests.support.server import LemnosServer

GUARD_RAILS = "/api/v1/quality/guard-rails"
SECRET = "a-secret-that-services-and-lemnos-share"
_GATES = """
[[gates.custom]]
name = "quick"
command = "true"

[[gates.custom]]
name = "sad"
command = "false"
"""
FOREVER = str(600_000 + os.getpid())  # seconds; by it the tool is known among all processes
_WAITS = f"""
[[gates.custom]]
name = "waits"
command = "sleep {FOREVER}"
"""
_PROJECT = """
[project]
name = "forge"
version = "1"

[tool.ruff.lint]
select = ["F"]
"""
_FILES = {
    "pyproject.toml": _PROJECT,
    "forge.py": "import sys\n\nprint(sys.argv)\n",
    "lemnos.toml": _GATES,
}
_numbers = itertools.count()


@dataclass
class Site:
    """What the tests of the document work with. A gate of ``slow`` takes for ever."""

    server: LemnosServer
    project: Path
    slow: Path

    @property
    def client(self) -> httpx2.Client:
        return self.server.client

    def key(self, *roles: str, **more: Any) -> str:
        """A token with some roles only."""
        return self.server.token(roles=roles, permissions=None, **more)

    def start(self, *gates: str, **given: Any) -> str:
        """A run of gates, not waited for."""
        body = {"workspace": str(self.project), "gates": list(gates), "async": True, **given}
        answer = self.client.post(GUARD_RAILS, json=body)
        assert answer.status_code == 202, answer.text
        task_id: str = answer.json()["task_id"]
        return task_id

    def state(self, task_id: str) -> dict[str, Any]:
        answer = self.client.get(f"/api/v1/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ended(self, task_id: str) -> dict[str, Any]:
        self.server.until(lambda: self.state(task_id)["ended_at"] is not None)
        return self.state(task_id)

    def folder(self, files: dict[str, str]) -> Path:
        """Another project."""
        return write(self.server.folder / f"other-{next(_numbers)}", files)


def write(root: Path, files: dict[str, str]) -> Path:
    """A folder with files."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def project_in(folder: Path) -> Path:
    """A repository with two gates of its own: one passes, one fails."""
    root = write(folder, _FILES)
    git("init", "--quiet", str(root))
    git("add", ".", cwd=root)
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    git(*who, "commit", "--quiet", "-m", "First", cwd=root)
    return root


@contextmanager
def built(folder: Path) -> Iterator[Site]:
    """The site; a call that names no folder is for its project."""
    project = project_in(folder / "project")
    env = {"LEMNOS_WORKSPACE": str(project), "LEMNOS_JWT_SECRET": SECRET}
    with LemnosServer(folder, env=env) as server:
        yield Site(server, project, write(folder / "slow", {"lemnos.toml": _WAITS}))
