"""What goes over the built-in agent's pipes. Standard library only: both ends start fast.

stdin: the `Request`, one JSON document on the first line. Any further line cancels the run; the
end of the input does not.

stdout: one JSON object per line, of any length. `type` says which:

| type        | fields                                                                  |
|-------------|-------------------------------------------------------------------------|
| started     | session, mode ("tools" or "model"), model, cwd                          |
| thinking    | text                                                                    |
| text        | text                                                                    |
| tool_use    | id, tool, input                                                         |
| tool_result | id, tool, text, is_error                                                |
| file_change | path (relative to the workspace), change ("created", "modified", "deleted") |
| usage       | input_tokens, output_tokens (both of one model call)                    |
| error       | text, error_class (an `ErrorClass` value)                               |
| result      | session, and the fields of an `Outcome`                                 |

`result` is the last line, written exactly once; a process that ends without it has crashed.
SIGTERM cancels as well: children are ended, and the verdict is "cancelled".
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TextIO

CANCEL = b"cancel\n"
TEST_TIMEOUT = 120.0  # seconds for one run of the project's tests

Mode = Literal["tools", "model"]
Verdict = Literal["completed", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model endpoint as the agent reaches it. `api_key` is the gateway's placeholder.

    `base_url` is what the provider's own SDK takes: without `/v1` for Anthropic, with it for
    OpenAI.
    """

    provider: Literal["anthropic", "openai"]
    base_url: str
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class McpConnection:
    """One MCP server, over stdio (`command`) or streamable HTTP (`url`)."""

    name: str
    command: tuple[str, ...] = ()
    url: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """One run: what to do, and with what. The workspace is the current directory.

    An `operation` is a refactoring to carry out instead of the prompt; see `refactorings`.
    """

    prompt: str
    sessions: str  # directory of the session records, inside the agent's home
    resume: str = ""
    model: str = ""
    endpoint: Endpoint | None = None
    mcp_servers: tuple[McpConnection, ...] = ()
    max_turns: int | None = None
    test_timeout: float = TEST_TIMEOUT
    operation: Mapping[str, Any] | None = None

    def encode(self) -> bytes:
        """The line for stdin."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, document: bytes) -> Request:
        """Read what `encode` wrote. Raises ValueError, TypeError or KeyError if it is not that."""
        values: dict[str, Any] = json.loads(document)
        if values.get("endpoint"):
            values["endpoint"] = Endpoint(**values["endpoint"])
        values["mcp_servers"] = tuple(
            McpConnection(**{**server, "command": tuple(server.get("command", ()))})
            for server in values.get("mcp_servers", ())
        )
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, in the agent's own words. `report` is for programs, `text` for people."""

    verdict: Verdict
    text: str = ""
    error: str = ""
    error_class: str = "none"
    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    report: Mapping[str, Any] = field(default_factory=dict)


class Emitter:
    """Writes events, a line at a time, and counts the tool calls that it announces."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._calls = 0

    @classmethod
    def claim_stdout(cls) -> Emitter:
        """Keep the real stdout for events alone; whatever else prints goes to stderr."""
        stream = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
        os.dup2(2, 1)
        return cls(stream)

    def emit(self, kind: str, **fields: Any) -> None:
        """Write one event. Lone surrogates (odd file names) are escaped, never an error."""
        self._stream.write(json.dumps({"type": kind, **fields}) + "\n")
        self._stream.flush()

    def text(self, text: str) -> None:
        self.emit("text", text=text)

    def tool_use(self, tool: str, call: Mapping[str, Any], call_id: str = "") -> str:
        """Announce a tool call and return its id, made up here where the model gave none."""
        self._calls += 1
        call_id = call_id or f"call_{self._calls}"
        self.emit("tool_use", id=call_id, tool=tool, input=dict(call))
        return call_id

    def tool_result(self, call_id: str, tool: str, text: str, *, is_error: bool = False) -> None:
        self.emit("tool_result", id=call_id, tool=tool, text=text, is_error=is_error)

    def file_change(self, path: str, change: str) -> None:
        self.emit("file_change", path=path, change=change)
