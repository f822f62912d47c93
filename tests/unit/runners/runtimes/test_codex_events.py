"""Codex's lines in our own words, and the verdict of its runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lemnos.domains.agents.ports import AgentEvent, ErrorClass, EventKind, Verdict
from lemnos.runners.process import Exit
from lemnos.runners.runtimes.codex_events import CodexEvents

ENDED = Exit(0, None)


def _read(events: CodexEvents, *lines: dict[str, Any]) -> list[AgentEvent]:
    return [event for line in lines for event in events.read(json.dumps(line).encode())]


def _item(event: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"item.{event}", "item": {"id": "i1", "type": kind, **fields}}


def test_a_whole_run() -> None:
    events = CodexEvents()
    seen = _read(
        events,
        {"type": "thread.started", "thread_id": "t-1"},
        {"type": "turn.started"},
        _item("completed", "reasoning", text="Hm."),
        _item("started", "command_execution", command="ls", status="in_progress"),
        _item("completed", "command_execution", command="ls", exit_code=0, status="completed"),
        _item(
            "completed",
            "file_change",
            changes=[{"path": "/w/a", "kind": "add"}, {"path": "/w/b", "kind": "update"}],
            status="completed",
        ),
        _item("completed", "agent_message", text="Done."),
        {"type": "turn.completed", "usage": {"input_tokens": 1}},
    )
    result = events.result(ENDED, "")

    assert [event.kind.value for event in seen] == [
        "other", "other", "thinking", "tool_use", "tool_result", "tool_result", "file_change",
        "file_change", "text", "result",
    ]  # fmt: skip
    assert seen[0].detail == {"session": "t-1"}
    assert [event.detail.get("path") for event in seen[6:8]] == ["/w/a", "/w/b"]
    assert (result.verdict, result.text, result.session) == (Verdict.COMPLETED, "Done.", "t-1")


@pytest.mark.parametrize("failed", [{"exit_code": 2}, {"status": "failed"}])
def test_a_command_that_failed_is_told(failed: dict[str, Any]) -> None:
    (event,) = _read(CodexEvents(), _item("completed", "command_execution", **failed))

    assert (event.kind, event.detail["is_error"]) == (EventKind.TOOL_RESULT, True)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("unexpected status 401 Unauthorized: no", ErrorClass.AUTH),
        ("exceeded retry limit, last status 429 Too Many Requests", ErrorClass.RATE_LIMIT),
        ("unexpected status 502 Bad Gateway", ErrorClass.NETWORK),
        ("something else", ErrorClass.UNKNOWN),
    ],
)
def test_a_failed_turn_is_classed(message: str, expected: ErrorClass) -> None:
    events = CodexEvents()
    _read(events, {"type": "turn.failed", "error": {"message": message}})
    result = events.result(ENDED, "")

    assert (result.verdict, result.error, result.error_class) == (
        Verdict.FAILED,
        message,
        expected,
    )


def test_a_run_that_ends_in_the_middle_has_failed() -> None:
    events = CodexEvents("t-0")
    _read(events, {"type": "error", "message": "Reconnecting... 1/3"})
    result = events.result(Exit(None, 9), "")

    assert (result.verdict, result.session) == (Verdict.FAILED, "t-0")
    assert "Reconnecting" in result.error


@pytest.mark.parametrize("line", [b"plain words", b'{"type": 3}', b"{}"])
def test_a_line_of_no_known_shape_is_kept(line: bytes) -> None:
    (event,) = CodexEvents().read(line)

    assert event.kind is EventKind.OTHER
