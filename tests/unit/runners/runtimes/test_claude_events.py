"""Claude Code's lines in our own words, and the true verdict of its runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lemnos.domains.agents.ports import AgentEvent, ErrorClass, EventKind, Usage, Verdict
from lemnos.runners.process import Exit
from lemnos.runners.runtimes.claude_events import INPUT_SHOWN, ClaudeEvents

ENDED = Exit(0, None)
SUCCESS = {
    "type": "result",
    "subtype": "success",
    "is_error": False,
    "result": "Done.",
    "num_turns": 3,
    "session_id": "s-1",
    "total_cost_usd": 0.5,
    "usage": {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 90},
}


def _read(events: ClaudeEvents, *lines: dict[str, Any]) -> list[AgentEvent]:
    return [event for line in lines for event in events.read(json.dumps(line).encode())]


def _assistant(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "assistant", "message": {"content": list(blocks)}, **fields}


def _tool_result(use: str, **fields: Any) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": use, "content": "ok", **fields}
    return {"type": "user", "message": {"content": [block]}}


WRITE = {"type": "tool_use", "id": "t1", "name": "Write", "input": {"file_path": "/w/a.py"}}


def test_each_block_is_an_event_and_the_line_is_kept_once() -> None:
    line = _assistant(
        {"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "So:"}, WRITE
    )
    events = _read(ClaudeEvents(), line)

    assert [event.kind for event in events] == [
        EventKind.THINKING,
        EventKind.TEXT,
        EventKind.TOOL_USE,
    ]
    assert [event.raw for event in events] == [json.dumps(line).encode(), b"{}", b"{}"]
    assert events[2].detail == {
        "tool": "Write",
        "id": "t1",
        "path": "/w/a.py",
        "input": {"file_path": "/w/a.py"},
    }


def test_a_file_has_changed_once_the_tool_has_succeeded() -> None:
    events = ClaudeEvents()
    _read(events, _assistant(WRITE))

    kinds = [event.kind for event in _read(events, _tool_result("t1"))]

    assert kinds == [EventKind.TOOL_RESULT, EventKind.FILE_CHANGE]
    assert [event.kind for event in _read(events, _tool_result("t1"))] == [EventKind.TOOL_RESULT]


def test_a_tool_that_failed_has_changed_nothing() -> None:
    events = ClaudeEvents()
    _read(events, _assistant(WRITE))

    (event,) = _read(events, _tool_result("t1", is_error=True))

    assert event.detail == {"id": "t1", "is_error": True}


def test_what_a_subagent_does_names_its_parent() -> None:
    (event,) = _read(
        ClaudeEvents(), _assistant({"type": "text", "text": "x"}, parent_tool_use_id="t9")
    )

    assert event.detail["parent"] == "t9"


def test_a_large_input_is_not_decoded() -> None:
    block = {**WRITE, "input": {"file_path": "/w/a.py", "content": "x" * INPUT_SHOWN}}
    (event,) = _read(ClaudeEvents(), _assistant(block))

    assert "input" not in event.detail
    assert event.detail["path"] == "/w/a.py"


@pytest.mark.parametrize("line", [b"plain words", b'{"type": 3}', b"[]", b'{"type": "new"}', b"{}"])
def test_a_line_of_no_known_shape_is_kept(line: bytes) -> None:
    (event,) = ClaudeEvents().read(line)

    assert event.kind is EventKind.OTHER
    assert isinstance(json.loads(event.raw), (dict, list))


def test_success_is_completed() -> None:
    events = ClaudeEvents()
    (event,) = _read(events, SUCCESS)
    result = events.result(ENDED, "")

    assert event.kind is EventKind.RESULT
    assert events.finished
    assert (result.verdict, result.text, result.session, result.turns) == (
        Verdict.COMPLETED,
        "Done.",
        "s-1",
        3,
    )
    assert result.usage == Usage(100, 5, 0.5)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"is_error": True, "api_error_status": 401}, ErrorClass.AUTH),
        ({"is_error": True, "api_error_status": 429}, ErrorClass.RATE_LIMIT),
        ({"is_error": True, "api_error_status": 500}, ErrorClass.NETWORK),
        ({"is_error": True, "api_error_status": 400}, ErrorClass.AGENT),
        ({"is_error": True}, ErrorClass.AGENT),
        ({"is_error": True, "subtype": "error_during_execution"}, ErrorClass.AGENT),
        ({"subtype": "error_max_turns"}, ErrorClass.AGENT),
    ],
)
def test_success_with_an_error_is_a_failure(fields: dict[str, Any], expected: ErrorClass) -> None:
    events = ClaudeEvents(max_turns=3)
    _read(events, {**SUCCESS, "result": "API Error", **fields})
    result = events.result(ENDED, "")

    assert (result.verdict, result.error_class) == (Verdict.FAILED, expected)
    assert result.error


def test_a_failure_without_a_status_is_classed_by_the_last_retry() -> None:
    for status, expected in ((529, ErrorClass.RATE_LIMIT), (None, ErrorClass.NETWORK)):
        events = ClaudeEvents()
        retry = {"type": "system", "subtype": "api_retry", "attempt": 1, "error_status": status}
        _read(events, retry, {**SUCCESS, "is_error": True})

        assert events.result(ENDED, "").error_class is expected


def test_no_result_is_a_failure_whatever_the_exit_code() -> None:
    result = ClaudeEvents().result(ENDED, "cannot start")

    assert result.verdict is Verdict.FAILED
    assert "cannot start" in result.error
