"""Anthropic Messages API (https://docs.anthropic.com/en/api/messages-streaming)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.model_script import Answer, Usage
from tests.support.model_wire import deltas, new_id, sse, text_of

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


class AnthropicWire:
    """Messages: content blocks, each opened, filled by deltas and closed."""

    def opening(self, request: Mapping[str, Any]) -> Iterator[bytes]:
        yield from self._start(request, Usage())
        yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})

    def word(self, text: str) -> bytes:
        return _delta(0, {"type": "text_delta", "text": text})

    def stream(self, request: Mapping[str, Any], answer: Answer) -> Iterator[bytes]:
        yield from self._start(request, answer.usage)
        for index, block in enumerate(_blocks(answer)):
            yield from _stream_block(index, block, answer.single_delta)
        yield _event(
            "message_delta",
            delta={"stop_reason": _stop_reason(answer), "stop_sequence": None},
            usage=_usage(answer.usage),
        )
        yield _event("message_stop")

    def whole(self, request: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
        message = _message(request, answer.usage)
        message |= {"content": _blocks(answer), "stop_reason": _stop_reason(answer)}
        message["usage"] = _usage(answer.usage)
        return message

    def error(self, status: int, message: str) -> dict[str, Any]:
        kind = ERROR_TYPES.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}}

    def assistant_turns(self, request: Mapping[str, Any]) -> int:
        return sum(message["role"] == "assistant" for message in request["messages"])

    def user_texts(self, request: Mapping[str, Any]) -> list[str]:
        return [text_of(m["content"]) for m in request["messages"] if m["role"] == "user"]

    def _start(self, request: Mapping[str, Any], usage: Usage) -> Iterator[bytes]:
        yield _event("message_start", message=_message(request, usage))


def _event(name: str, **fields: Any) -> bytes:
    return sse({"type": name, **fields}, name)


def _delta(index: int, delta: Mapping[str, Any]) -> bytes:
    return _event("content_block_delta", index=index, delta=delta)


def _message(request: Mapping[str, Any], usage: Usage) -> dict[str, Any]:
    return {
        "id": new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": request.get("model", "scripted"),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(usage) | {"output_tokens": 1},
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }


def _stop_reason(answer: Answer) -> str:
    return "tool_use" if answer.calls else "end_turn"


def _blocks(answer: Answer) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if answer.thinking is not None:
        blocks.append({"type": "thinking", "thinking": answer.thinking, "signature": "c2lnbmVk"})
    if answer.text is not None:
        blocks.append({"type": "text", "text": answer.text})
    return blocks + [
        {"type": "tool_use", "id": new_id("toolu_"), "name": call.name, "input": call.input}
        for call in answer.calls
    ]


def _stream_block(index: int, block: dict[str, Any], single: bool) -> Iterator[bytes]:
    kind = block["type"]
    empty = {"text": "", "thinking": "", "signature": "", "input": {}}
    start = {name: empty.get(name, value) for name, value in block.items()}
    yield _event("content_block_start", index=index, content_block=start)
    if kind == "tool_use":
        for piece in deltas(json.dumps(block["input"]), single):
            yield _delta(index, {"type": "input_json_delta", "partial_json": piece})
    else:
        for piece in deltas(block[kind], single):
            yield _delta(index, {"type": f"{kind}_delta", kind: piece})
    if kind == "thinking":
        yield _delta(index, {"type": "signature_delta", "signature": block["signature"]})
    yield _event("content_block_stop", index=index)
