"""A small client of the CodeForge operations, for the commands.

``orchex`` and ``hephaestus`` have those of the other documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, cast

import httpx2

from lemnos.cli.discovery import Server
from lemnos.cli.hephaestus import Hephaestus
from lemnos.cli.http import Http, Json, given, segment
from lemnos.cli.orchex import Orchex
from lemnos.cli.shapes import Created, Diff, PullRequest, StreamEvent, Task, TaskPage

_PULL_REQUEST_SECONDS = 120.0


class Client:
    """Talks to one server. Use it as a context manager."""

    def __init__(self, server: Server, transport: httpx2.BaseTransport | None = None) -> None:
        self.server = server
        self._http = Http(server, transport)
        self.orchex = Orchex(self._http)
        self.hephaestus = Hephaestus(self._http)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    # --- tasks ---------------------------------------------------------------------------------

    def create_task(self, body: Mapping[str, Any]) -> Created:
        """``POST /api/v1/tasks``."""
        return cast("Created", self._http.post("/api/v1/tasks", body))

    def task(self, task_id: str, *, iterations: bool = False) -> Task:
        """One task."""
        params = {"include": "iterations"} if iterations else {}
        return cast("Task", self._http.get(f"/api/v1/tasks/{segment(task_id)}", params))

    def tasks(self, status: str = "", limit: int = 20, cursor: str = "") -> TaskPage:
        """A page of tasks, the newest first."""
        params = given(status=status, limit=limit, cursor=cursor)
        return cast("TaskPage", self._http.get("/api/v1/tasks", params))

    def instruct(self, task_id: str, body: Mapping[str, Any]) -> Json:
        """A follow-up; the answer names its iteration."""
        return self._http.post(f"/api/v1/tasks/{segment(task_id)}/instruct", body)

    def cancel(self, task_id: str) -> Json:
        """Ask a task to end."""
        return self._http.post(f"/api/v1/tasks/{segment(task_id)}/cancel")

    def diff(self, task_id: str) -> Diff:
        """What a task has changed."""
        return cast("Diff", self._http.get(f"/api/v1/tasks/{segment(task_id)}/diff"))

    def create_pull_request(self, task_id: str, body: Mapping[str, Any]) -> PullRequest:
        """Push and open; waits until it is there."""
        path = f"/api/v1/tasks/{segment(task_id)}/create-pr"
        return cast("PullRequest", self._http.post(path, body, timeout=_PULL_REQUEST_SECONDS))

    def callbacks(self, task_id: str) -> list[Json]:
        """The delivery log of a task's callbacks."""
        path = f"/api/v1/tasks/{segment(task_id)}/callbacks"
        return cast("list[Json]", self._http.get(path)["callbacks"])

    def redeliver(self, delivery_id: str) -> Json:
        """Send a callback again."""
        return self._http.post(f"/api/v1/callbacks/{segment(delivery_id)}/redeliver")

    def events(self, task_id: str, after: str = "") -> Iterator[StreamEvent]:
        """The events of a task from a cursor on, up to and with ``done``."""
        return self._http.events(f"/api/v1/tasks/{segment(task_id)}/stream", after)

    # --- workspaces, provider keys, MCP servers, health ----------------------------------------

    def workspaces(self) -> Json:
        """All workspaces."""
        return self._http.get("/api/v1/workspaces")

    def delete_workspace(self, task_id: str) -> Json:
        """Free a workspace's disk."""
        return self._http.delete(f"/api/v1/workspaces/{segment(task_id)}")

    def keys(self) -> list[Json]:
        """The credentials for git hosts."""
        return cast("list[Json]", self._http.get("/api/v1/keys")["keys"])

    def register_key(self, body: Mapping[str, Any]) -> Json:
        """Keep a credential for a git host."""
        return self._http.post("/api/v1/keys", body)

    def delete_key(self, name: str) -> Json:
        """Forget one."""
        return self._http.delete(f"/api/v1/keys/{segment(name)}")

    def verify_key(self, name: str, repo_url: str = "") -> Json:
        """Ask its host whether it is valid."""
        params = given(repo_url=repo_url)
        return self._http.post(f"/api/v1/keys/{segment(name)}/verify", params=params)

    def mcp_servers(self) -> list[Json]:
        """The MCP servers for all tasks."""
        return cast("list[Json]", self._http.get("/api/v1/mcp/servers")["servers"])

    def register_mcp_server(self, body: Mapping[str, Any]) -> Json:
        """Register one."""
        return self._http.post("/api/v1/mcp/servers", body)

    def delete_mcp_server(self, name: str) -> Json:
        """Forget one."""
        return self._http.delete(f"/api/v1/mcp/servers/{segment(name)}")

    def health(self) -> Json:
        """Every component's state, also when one is down."""
        return self._http.said("/health")

    def is_ready(self) -> bool:
        """Whether a server answers here and takes work. Never raises."""
        said = self._http.glance("/ready")
        return bool(said and said.get("ready"))
