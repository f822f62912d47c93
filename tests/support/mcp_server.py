"""A tiny MCP server with one tool, `note`, over stdio or streamable HTTP.

    python tests/support/mcp_server.py           # stdio
    python tests/support/mcp_server.py --http    # prints its URL, then serves

`note(text)` writes the text to the file named by NOTE_FILE and returns "noted: <text>". The
protocol is written out by hand (https://modelcontextprotocol.io/specification, JSON-RPC 2.0) with
the standard library alone, because the CLIs start it anew for each run and wait for it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

NOTE_TOOL = {
    "name": "note",
    "description": "Keep a note.",
    "inputSchema": {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
        "additionalProperties": False,
    },
}
PROTOCOL_VERSION = "2025-06-18"


def take_note(arguments: dict[str, Any], note_file: str | None) -> dict[str, Any]:
    """The result of one call of the tool; a missing file or text is a tool error."""
    text = arguments.get("text")
    if not isinstance(text, str) or note_file is None:
        problem = "NOTE_FILE is not set" if note_file is None else "text must be a string"
        return {"content": [{"type": "text", "text": problem}], "isError": True}
    Path(note_file).write_text(text)
    return {"content": [{"type": "text", "text": f"noted: {text}"}], "isError": False}


def respond(message: dict[str, Any], note_file: str | None) -> dict[str, Any] | None:
    """The answer to one JSON-RPC message; None for a notification."""
    if "id" not in message:
        return None
    method, params = message.get("method"), message.get("params") or {}
    result: dict[str, Any]
    if method == "initialize":
        result = {
            "protocolVersion": params.get("protocolVersion", PROTOCOL_VERSION),
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": "notes", "version": "1.0.0"},
        }
    elif method == "ping":
        result = {}
    elif method == "tools/list":
        result = {"tools": [NOTE_TOOL]}
    elif method == "tools/call" and params.get("name") == NOTE_TOOL["name"]:
        result = take_note(params.get("arguments") or {}, note_file)
    else:
        error = {"code": -32601, "message": f"no such method or tool: {method}"}
        return {"jsonrpc": "2.0", "id": message["id"], "error": error}
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


def serve_stdio() -> None:
    """One JSON-RPC message a line, until the client closes our input."""
    for line in sys.stdin:
        answer = respond(json.loads(line), os.environ.get("NOTE_FILE"))
        if answer is not None:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    if "--http" in sys.argv:
        sys.path.insert(0, str(Path(__file__).parents[2]))
        from tests.support.mcp_http import McpHttpServer

        with McpHttpServer(os.environ.get("NOTE_FILE")) as server:
            sys.stdout.write(server.url + "/mcp\n")
            sys.stdout.flush()
            server.closing.wait()
    else:
        serve_stdio()
