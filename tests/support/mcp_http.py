"""The `note` tool over MCP's streamable HTTP transport, at `/mcp`."""

from __future__ import annotations

from tests.support.loopback import LoopbackServer, Reply, Request
from tests.support.mcp_server import respond

SESSION_ID = "notes-session"


class McpHttpServer(LoopbackServer):
    """Answers every POST with one JSON body, as the transport allows; it pushes nothing.

    With `token` set, requests need it as a bearer token. `requests` are all that came.
    """

    def __init__(self, note_file: str | None, token: str | None = None) -> None:
        super().__init__()
        self.note_file = note_file
        self.token = token
        self.requests: list[Request] = []

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        if request.path != "/mcp":
            return Reply(404)
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            return Reply(401, headers={"WWW-Authenticate": "Bearer"})
        if request.method == "DELETE":
            return Reply(204)
        if request.method != "POST":
            return Reply(405, headers={"Allow": "POST, DELETE"})
        message = request.json()
        answer = respond(message, self.note_file)
        if answer is None:
            return Reply(202)
        first = message.get("method") == "initialize"
        return Reply.json(answer, headers={"Mcp-Session-Id": SESSION_ID} if first else None)
