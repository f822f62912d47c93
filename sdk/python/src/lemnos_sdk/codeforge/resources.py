"""Keys, MCP servers, workspaces and callbacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lemnos_sdk._call import IO, Call, Resource, given, operation, path
from lemnos_sdk._model import reader
from lemnos_sdk.codeforge.models import (
    Callback,
    Done,
    Key,
    KeyRegistered,
    KeyVerified,
    McpServer,
    Redelivering,
    WorkspaceDeleted,
    Workspaces,
)

_KEYS = "/api/v1/keys"
_SERVERS = "/api/v1/mcp/servers"
_WORKSPACES = "/api/v1/workspaces"


class Keys(Resource[IO]):
    """``client.keys``: credentials for git hosts."""

    @operation
    def register(
        self,
        *,
        name: str,
        provider: str,
        token: str,
        scope: str | None = None,
        host: str | None = None,
    ) -> Call[KeyRegistered]:
        """Keep a token; ``provider`` is github, gitlab, gitea or generic."""
        body = given(name=name, provider=provider, token=token, scope=scope, host=host)
        return Call("POST", _KEYS, reader(KeyRegistered), body=body)

    @operation
    def list(self) -> Call[Sequence[Key]]:
        """The keys, without their tokens."""
        return Call("GET", _KEYS, reader(list[Key], "keys"))

    @operation
    def delete(self, name: str) -> Call[Done]:
        """Forget a key."""
        return Call("DELETE", path(_KEYS, name), reader(Done))

    @operation
    def verify(self, name: str, *, repo_url: str | None = None) -> Call[KeyVerified]:
        """Ask the key's host whether it accepts the token."""
        query = given(repo_url=repo_url)
        return Call("POST", path(_KEYS, name, "verify"), reader(KeyVerified), query=query)


class McpServers(Resource[IO]):
    """``client.mcp_servers``: MCP servers that all agents may use."""

    @operation
    def register(
        self,
        *,
        name: str,
        package: str | None = None,
        command: str | None = None,
        url: str | None = None,
        args: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Call[Done]:
        """Register one: an npm ``package`` or a ``command`` over stdio, or a ``url``."""
        body = given(
            name=name,
            package=package,
            command=command,
            url=url,
            args=args,
            env=env,
            headers=headers,
        )
        return Call("POST", _SERVERS, reader(Done), body=body)

    @operation
    def list(self) -> Call[Sequence[McpServer]]:
        """The servers, their secrets redacted."""
        return Call("GET", _SERVERS, reader(list[McpServer], "servers"))

    @operation
    def delete(self, name: str) -> Call[Done]:
        """Forget one."""
        return Call("DELETE", path(_SERVERS, name), reader(Done))


class WorkspacesResource(Resource[IO]):
    """``client.workspaces``: checkouts on disk."""

    @operation
    def list(self) -> Call[Workspaces]:
        """All of them, with their sizes."""
        return Call("GET", _WORKSPACES, reader(Workspaces))

    @operation
    def delete(self, task_id: str) -> Call[WorkspaceDeleted]:
        """Free the disk. Raises ConflictError while the task is at work."""
        return Call("DELETE", path(_WORKSPACES, task_id), reader(WorkspaceDeleted))


class Callbacks(Resource[IO]):
    """``client.callbacks``: what was sent to callback URLs. To verify one, see ``webhooks``."""

    @operation
    def list(self, task_id: str) -> Call[Sequence[Callback]]:
        """The callbacks of a task with each attempt, the newest first."""
        where = path("/api/v1/tasks", task_id, "callbacks")
        return Call("GET", where, reader(list[Callback], "callbacks"))

    @operation
    def redeliver(self, callback_id: str) -> Call[Redelivering]:
        """Send one again."""
        where = path("/api/v1/callbacks", callback_id, "redeliver")
        return Call("POST", where, reader(Redelivering))
