"""What Claude Code prints with ``--output-format stream-json``, in our own words.

Only the fields that are needed are decoded; the line itself is kept as it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from lemnos.domains.agents.ports import (
    AgentEvent,
    ErrorClass,
    EventKind,
    RunResult,
    Usage,
    Verdict,
)
from lemnos.runners.process import Exit
from lemnos.runners.runtimes.run import classify_status, made_event, other_text

INPUT_SHOWN = 16 * 1024  # bytes of a tool's input up to which it is decoded
_WRITING_TOOLS = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})
_EMPTY = msgspec.Raw(b"")


class _Block(msgspec.Struct):
    type: str = ""
    text: str = ""
    thinking: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = _EMPTY
    tool_use_id: str = ""
    is_error: bool | None = None
    content: msgspec.Raw = _EMPTY


class _Message(msgspec.Struct):
    content: str | list[_Block] = ""


class _Usage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0


class _Line(msgspec.Struct):
    """All line types in one: decoding needs to look at a line only once."""

    type: str = ""
    subtype: str = ""
    session_id: str = ""
    parent_tool_use_id: str | None = None
    message: _Message | None = None
    # system api_retry
    attempt: int | None = None
    error_status: int | None = None
    error: Any = None
    # result
    result: str = ""
    is_error: bool = False
    api_error_status: int | None = None
    num_turns: int = 0
    total_cost_usd: float | None = None
    usage: _Usage | None = None
    errors: list[Any] = []


class _Paths(msgspec.Struct):
    file_path: str = ""
    notebook_path: str = ""


_line = msgspec.json.Decoder(_Line)
_paths = msgspec.json.Decoder(_Paths)


class ClaudeEvents:
    """Reads the lines of one run, and knows at the end what came of it."""

    def __init__(self, max_turns: int | None = None) -> None:
        self._max_turns = max_turns
        self.session = ""
        self.finished = False
        self._end: _Line | None = None
        self._writes: dict[str, str] = {}  # tool use id -> path
        self._last_retry: _Line | None = None

    def read(self, line: bytes) -> Iterable[AgentEvent]:
        """The events of one line: one, or one for each block of a message."""
        try:
            said = _line.decode(line)
        except msgspec.ValidationError:  # JSON of a shape that no known version prints
            return (AgentEvent(EventKind.OTHER, line),)
        except msgspec.DecodeError:
            return (other_text(line),)
        self.session = said.session_id or self.session
        if said.message is not None and said.type in {"assistant", "user"}:
            return self._message(said, said.message, line)
        if said.type == "result":
            return (self._finish(said, line),)
        if said.type == "system":
            return (self._system(said, line),)
        return (AgentEvent(EventKind.OTHER, line, {"type": said.type}),)

    def result(self, ended: Exit, stderr: str) -> RunResult:
        """The true verdict: neither the exit code nor ``subtype`` alone tells it."""
        end = self._end
        if end is None:
            how = f"signal {ended.signal}" if ended.code is None else f"exit code {ended.code}"
            error = f"Claude Code ended without a result ({how}). {stderr}".strip()
            return RunResult(
                Verdict.FAILED, error=error, error_class=ErrorClass.AGENT, session=self.session
            )
        failed = end.is_error or end.subtype != "success"
        usage = end.usage or _Usage()
        read = usage.cache_creation_input_tokens + usage.cache_read_input_tokens
        return RunResult(
            verdict=Verdict.FAILED if failed else Verdict.COMPLETED,
            text=end.result,
            error=self._error(end) if failed else "",
            error_class=self._classify(end) if failed else ErrorClass.NONE,
            usage=Usage(usage.input_tokens + read, usage.output_tokens, end.total_cost_usd),
            session=self.session,
            turns=end.num_turns,
        )

    # --- lines --------------------------------------------------------------------------------

    def _system(self, said: _Line, line: bytes) -> AgentEvent:
        if said.subtype == "init":
            return AgentEvent(EventKind.OTHER, line, {"session": said.session_id})
        if said.subtype == "api_retry":
            self._last_retry = said
            detail = {"retry": said.attempt, "status": said.error_status, "text": str(said.error)}
            return AgentEvent(EventKind.ERROR, line, detail)
        return AgentEvent(EventKind.OTHER, line, {"type": said.subtype})

    def _finish(self, said: _Line, line: bytes) -> AgentEvent:
        self._end = said
        self.finished = True
        detail = {
            "text": said.result,
            "is_error": said.is_error,
            "subtype": said.subtype,
            "turns": said.num_turns,
            "session": said.session_id,
        }
        return AgentEvent(EventKind.RESULT, line, detail)

    def _message(self, said: _Line, message: _Message, line: bytes) -> Iterator[AgentEvent]:
        blocks = message.content
        if isinstance(blocks, str):
            blocks = [_Block(type="text", text=blocks)]
        raw = line
        for block in blocks:
            kind, detail = self._block(said, block)
            if said.parent_tool_use_id:
                detail["parent"] = said.parent_tool_use_id
            yield AgentEvent(kind, raw, detail)
            if (path := self._written(block)) is not None:
                yield made_event(EventKind.FILE_CHANGE, {"path": path, "id": block.tool_use_id})
            raw = b"{}"  # the line itself is kept once

    def _block(self, said: _Line, block: _Block) -> tuple[EventKind, dict[str, Any]]:
        if block.type == "tool_use":
            return EventKind.TOOL_USE, self._tool_use(block)
        if block.type == "tool_result":
            failed = bool(block.is_error)
            return EventKind.TOOL_RESULT, {"id": block.tool_use_id, "is_error": failed}
        if block.type == "thinking":
            return EventKind.THINKING, {"text": block.thinking}
        if block.type == "text" and said.type == "assistant":
            return EventKind.TEXT, {"text": block.text}
        return EventKind.OTHER, {"type": f"{said.type}.{block.type}", "text": block.text}

    def _tool_use(self, block: _Block) -> dict[str, Any]:
        detail: dict[str, Any] = {"tool": block.name, "id": block.id}
        document = bytes(block.input)
        if len(document) <= INPUT_SHOWN:
            detail["input"] = msgspec.json.decode(document) if document else {}
        if block.name in _WRITING_TOOLS:
            paths = _paths.decode(document)
            self._writes[block.id] = detail["path"] = paths.file_path or paths.notebook_path
        return detail

    def _written(self, block: _Block) -> str | None:
        path = self._writes.pop(block.tool_use_id, None) if block.tool_use_id else None
        return None if block.is_error else path

    # --- verdict ------------------------------------------------------------------------------

    def _error(self, end: _Line) -> str:
        if end.subtype == "error_max_turns":
            return f"The limit of {self._max_turns} turns was reached."
        said = "; ".join(str(error) for error in end.errors)
        return end.result or said or end.subtype

    def _classify(self, end: _Line) -> ErrorClass:
        status = end.api_error_status
        if status is None and self._last_retry is not None and end.subtype == "success":
            # A refused connection and an overloaded API leave a status in the retries alone.
            status = self._last_retry.error_status or 502
        return classify_status(status)
