"""A small client of the CodeForge operations, for the commands.

Every POST carries an ``Idempotency-Key``, so one whose answer was lost is sent again without
harm. Streams resume with ``Last-Event-ID`` where they broke off.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, cast
from urllib.parse import quote

import httpx2

from lemnos.cli.discovery import Server
from lemnos.cli.errors import CommandError, Refused, Unreachable, WrongUsage
from lemnos.cli.shapes import Created, Diff, PullRequest, StreamEvent, Task, TaskPage

Json = dict[str, Any]

_TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
_PULL_REQUEST_SECONDS = 120.0
_SILENCE = (
    45.0  # seconds without even a keep-alive (one comes every 15) after which a stream is dead
)
_ATTEMPTS = 3
_PATIENCE = 30.0  # seconds for which a stream tries to get its server back
_PAUSE = 0.3  # seconds before a stream is asked for again
_NO_LIMIT = None  # an agent's line may be of any length


class Client:
    """Talks to one server. Use it as a context manager."""

    def __init__(self, server: Server, transport: httpx2.BaseTransport | None = None) -> None:
        self.server = server
        headers = {"Authorization": f"Bearer {server.key}"} if server.key else {}
        self._http = httpx2.Client(
            base_url=server.url, headers=headers, timeout=_TIMEOUT, transport=transport
        )

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
        return cast("Created", self._post("/api/v1/tasks", body))

    def task(self, task_id: str, *, iterations: bool = False) -> Task:
        """One task."""
        params = {"include": "iterations"} if iterations else {}
        return cast("Task", self._get(f"/api/v1/tasks/{_part(task_id)}", params))

    def tasks(self, status: str = "", limit: int = 20, cursor: str = "") -> TaskPage:
        """A page of tasks, the newest first."""
        params = {"status": status, "limit": str(limit), "cursor": cursor}
        given = {name: value for name, value in params.items() if value}
        return cast("TaskPage", self._get("/api/v1/tasks", given))

    def instruct(self, task_id: str, body: Mapping[str, Any]) -> Json:
        """A follow-up; the answer names its iteration."""
        return self._post(f"/api/v1/tasks/{_part(task_id)}/instruct", body)

    def cancel(self, task_id: str) -> Json:
        """Ask a task to end."""
        return self._post(f"/api/v1/tasks/{_part(task_id)}/cancel")

    def diff(self, task_id: str) -> Diff:
        """What a task has changed."""
        return cast("Diff", self._get(f"/api/v1/tasks/{_part(task_id)}/diff"))

    def create_pull_request(self, task_id: str, body: Mapping[str, Any]) -> PullRequest:
        """Push and open; waits until it is there."""
        path = f"/api/v1/tasks/{_part(task_id)}/create-pr"
        return cast("PullRequest", self._post(path, body, timeout=_PULL_REQUEST_SECONDS))

    def callbacks(self, task_id: str) -> list[Json]:
        """The delivery log of a task's callbacks."""
        return cast(
            "list[Json]", self._get(f"/api/v1/tasks/{_part(task_id)}/callbacks")["callbacks"]
        )

    def redeliver(self, delivery_id: str) -> Json:
        """Send a callback again."""
        return self._post(f"/api/v1/callbacks/{_part(delivery_id)}/redeliver")

    # --- workspaces, provider keys, MCP servers, health ----------------------------------------

    def workspaces(self) -> Json:
        """All workspaces."""
        return self._get("/api/v1/workspaces")

    def delete_workspace(self, task_id: str) -> Json:
        """Free a workspace's disk."""
        return self._delete(f"/api/v1/workspaces/{_part(task_id)}")

    def keys(self) -> list[Json]:
        """The credentials for git hosts."""
        return cast("list[Json]", self._get("/api/v1/keys")["keys"])

    def register_key(self, body: Mapping[str, Any]) -> Json:
        """Keep a credential for a git host."""
        return self._post("/api/v1/keys", body)

    def delete_key(self, name: str) -> Json:
        """Forget one."""
        return self._delete(f"/api/v1/keys/{_part(name)}")

    def verify_key(self, name: str, repo_url: str = "") -> Json:
        """Ask its host whether it is valid."""
        params = {"repo_url": repo_url} if repo_url else {}
        return self._post(f"/api/v1/keys/{_part(name)}/verify", params=params)

    def mcp_servers(self) -> list[Json]:
        """The MCP servers for all tasks."""
        return cast("list[Json]", self._get("/api/v1/mcp/servers")["servers"])

    def register_mcp_server(self, body: Mapping[str, Any]) -> Json:
        """Register one."""
        return self._post("/api/v1/mcp/servers", body)

    def delete_mcp_server(self, name: str) -> Json:
        """Forget one."""
        return self._delete(f"/api/v1/mcp/servers/{_part(name)}")

    def health(self) -> Json:
        """Every component's state, also when one is down."""
        return _content(self._send("GET", "/health"))

    def is_ready(self) -> bool:
        """Whether a server answers here and takes work. Never raises."""
        try:
            return bool(_content(self._http.get("/ready", timeout=5.0)).get("ready"))
        except (httpx2.HTTPError, CommandError):
            return False

    # --- events --------------------------------------------------------------------------------

    def events(self, task_id: str, after: str = "") -> Iterator[StreamEvent]:
        """The events of a task from a cursor on, up to and with ``done``.

        A stream that breaks is taken up where it was; raises ``Unreachable`` when the server stays
        away for half a minute.
        """
        last, lost_at = after, 0.0
        while True:
            try:
                for event in self._connection(task_id, last):
                    lost_at = 0.0
                    last = event["id"] or last
                    if event["name"] == "timeout":
                        break
                    yield event
                    if event["name"] == "done":
                        return
                time.sleep(_PAUSE)  # a server that is stopping ends its streams
            except httpx2.TransportError as error:
                lost_at = lost_at or time.monotonic()
                if time.monotonic() - lost_at > _PATIENCE:
                    raise self._unreachable(error) from error
                time.sleep(_PAUSE)

    def _connection(self, task_id: str, last: str) -> Iterator[StreamEvent]:
        headers = {"Last-Event-ID": last} if last else {}
        timeout = httpx2.Timeout(_SILENCE, connect=5.0)
        path = f"/api/v1/tasks/{_part(task_id)}/stream"
        with self._http.sse(
            path, headers=headers, timeout=timeout, max_event_size=_NO_LIMIT
        ) as source:
            if source.response.status_code != 200:
                source.response.read()
                _check(source.response)
            for frame in source:
                yield _event(frame)

    # --- requests ------------------------------------------------------------------------------

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        return _check(self._send("GET", path, params=params))

    def _delete(self, path: str) -> Json:
        return _check(self._send("DELETE", path))

    def _post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Json:
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        options: Json = {"timeout": timeout} if timeout else {}
        sent = self._send("POST", path, json=body, params=params, headers=headers, **options)
        return _check(sent)

    def _send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._http.request(method, path, **options)
            except httpx2.TransportError as error:
                refused = isinstance(error, httpx2.ConnectError | httpx2.UnsupportedProtocol)
                if refused or attempt == _ATTEMPTS:
                    raise self._unreachable(error) from error
                time.sleep(0.2 * attempt)
        raise AssertionError("the loop returns or raises")

    def _unreachable(self, error: Exception) -> Unreachable:
        said = str(error) or type(error).__name__
        return Unreachable(
            f"No Lemnos server answers at {self.server.url} ({said}).",
            hint="Start one with `lemnos serve`, or name one with --url or LEMNOS_URL.",
        )


def _part(name: str) -> str:
    """A name as one segment of a path."""
    if name in ("", ".", ".."):
        raise WrongUsage(f"{name!r} is not a name.")
    return quote(name, safe="")


def _event(frame: httpx2.ServerSentEvent) -> StreamEvent:
    content: Json = json.loads(frame.data)
    inner = frame.event == "message"
    return StreamEvent(
        id=frame.id,
        name=frame.event,
        type=content.get("type", ""),
        event=content.get("event", ""),
        ts=content.get("ts", ""),
        data=content["data"] if inner and isinstance(content["data"], dict) else content,
        detail=content.get("detail") or {},
    )


def _check(response: httpx2.Response) -> Json:
    """The content of an answer. Raises what a failure means for the command."""
    content = _content(response)
    if response.is_success:
        return content
    kinds = {400: WrongUsage, 401: Refused, 403: Refused}
    kind = kinds.get(response.status_code, CommandError)
    raise kind(
        str(content.get("message") or f"The server answered {response.status_code}."),
        code=str(content.get("code") or content.get("error") or response.status_code),
        hint=_hint(response),
        fields=content.get("fields"),
    )


def _content(response: httpx2.Response) -> Json:
    try:
        content = response.json()
    except ValueError:
        content = None
    if isinstance(content, dict):
        return content
    raise Unreachable(
        f"What answers at {response.url} does not look like a Lemnos server "
        f"(status {response.status_code}, no JSON object).",
        code="not_lemnos",
    )


def _hint(response: httpx2.Response) -> str:
    if response.status_code == 401:
        return (
            "Give a key with --api-key or LEMNOS_API_KEY. `lemnos config get api.key` shows that "
            "of a server on this machine; --data names its folder."
        )
    if wait := response.headers.get("retry-after"):
        return f"Try again in {wait} s."
    return ""
