"""What ``codex exec --json`` prints, in our own words; as of Codex 0.169."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec

from lemnos.domains.agents.ports import AgentEvent, ErrorClass, EventKind, RunResult, Verdict
from lemnos.runners.process import Exit
from lemnos.runners.runtimes.run import classify_status, made_event, other_text

_STATUS = re.compile(r"\bstatus (\d{3})\b")


class _Change(msgspec.Struct):
    path: str = ""
    kind: str = ""


class _Item(msgspec.Struct):
    id: str = ""
    type: str = ""
    text: str = ""
    message: str = ""
    command: str = ""
    exit_code: int | None = None
    status: str = ""
    server: str = ""
    tool: str = ""
    changes: list[_Change] = []


class _Error(msgspec.Struct):
    message: str = ""


class _Line(msgspec.Struct):
    type: str = ""
    thread_id: str = ""
    item: _Item | None = None
    error: _Error | None = None
    message: str = ""


_line = msgspec.json.Decoder(_Line)


class CodexEvents:
    """Reads the lines of one run, and knows at the end what came of it."""

    def __init__(self, session: str = "") -> None:
        self.session = session
        self.finished = False
        self._failure: str | None = None
        self._last_error = ""
        self._text = ""
        self._turns = 0

    def read(self, line: bytes) -> Iterable[AgentEvent]:
        """The events of one line."""
        try:
            said = _line.decode(line)
        except msgspec.ValidationError:
            return (AgentEvent(EventKind.OTHER, line),)
        except msgspec.DecodeError:
            return (other_text(line),)
        if said.item is not None:
            return self._item(said.type, said.item, line)
        return (self._thread(said, line),)

    def result(self, ended: Exit, stderr: str) -> RunResult:
        """The verdict: a turn that was completed, else the failure that was told."""
        told = RunResult(
            Verdict.COMPLETED, text=self._text, session=self.session, turns=self._turns
        )
        if self.finished and self._failure is None:
            return told
        how = f"signal {ended.signal}" if ended.code is None else f"exit code {ended.code}"
        error = self._failure or self._last_error or f"Codex ended early ({how}). {stderr}".strip()
        return replace(told, verdict=Verdict.FAILED, error=error, error_class=_classify(error))

    def _thread(self, said: _Line, line: bytes) -> AgentEvent:
        if said.type == "thread.started":
            self.session = said.thread_id
            return AgentEvent(EventKind.OTHER, line, {"session": said.thread_id})
        if said.type == "turn.completed":
            self.finished = True
            return AgentEvent(EventKind.RESULT, line, {"text": self._text, "is_error": False})
        if said.type == "turn.failed":
            self.finished = True
            self._failure = said.error.message if said.error else "the turn failed"
            return AgentEvent(EventKind.RESULT, line, {"text": self._failure, "is_error": True})
        if said.type == "error":
            self._last_error = said.message
            return AgentEvent(EventKind.ERROR, line, {"text": said.message})
        return AgentEvent(EventKind.OTHER, line, {"type": said.type})

    def _item(self, event: str, item: _Item, line: bytes) -> Iterable[AgentEvent]:
        if event == "item.started":
            return (AgentEvent(*_begun(item, line)),)
        if event != "item.completed":
            return (AgentEvent(EventKind.OTHER, line, {"type": event, "id": item.id}),)
        self._turns += 1
        if item.type == "agent_message":
            self._text = item.text
            return (AgentEvent(EventKind.TEXT, line, {"text": item.text}),)
        if item.type == "reasoning":
            return (AgentEvent(EventKind.THINKING, line, {"text": item.text}),)
        if item.type == "error":
            return (AgentEvent(EventKind.ERROR, line, {"text": item.message}),)
        return _done(item, line)


def _begun(item: _Item, line: bytes) -> tuple[EventKind, bytes, dict[str, Any]]:
    detail: dict[str, Any] = {"id": item.id, "tool": item.tool or item.type}
    if item.type == "command_execution":
        return EventKind.TOOL_USE, line, detail | {"input": {"command": item.command}}
    if item.type == "mcp_tool_call":
        return EventKind.TOOL_USE, line, detail | {"server": item.server}
    if item.type == "file_change":
        return EventKind.TOOL_USE, line, detail
    return EventKind.OTHER, line, detail


def _done(item: _Item, line: bytes) -> Iterable[AgentEvent]:
    if item.type not in {"command_execution", "mcp_tool_call", "file_change"}:
        return (AgentEvent(EventKind.OTHER, line, {"type": item.type, "id": item.id}),)
    failed = item.status == "failed" or item.exit_code not in {0, None}
    events = [AgentEvent(EventKind.TOOL_RESULT, line, {"id": item.id, "is_error": failed})]
    if not failed:
        events += [
            made_event(
                EventKind.FILE_CHANGE, {"path": change.path, "change": change.kind, "id": item.id}
            )
            for change in item.changes
        ]
    return events


def _classify(error: str) -> ErrorClass:
    """By the HTTP status in the message; UNKNOWN leaves it to what the gateway saw."""
    if found := _STATUS.search(error):
        return classify_status(int(found[1]))
    return ErrorClass.UNKNOWN
