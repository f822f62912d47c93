"""OpenAI Chat Completions (https://platform.openai.com/docs/api-reference/chat)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.support.model_script import Answer, Tool, Usage
from tests.support.model_wire import deltas, new_id, sse, text_of


class ChatWire:
    """Chat completions: chunks of one choice, ended by `[DONE]`."""

    def opening(self, request: Mapping[str, Any]) -> Iterator[bytes]:
        yield _chunk(request, {"role": "assistant", "content": ""})

    def word(self, text: str) -> bytes:
        return _chunk({}, {"content": text})

    def stream(self, request: Mapping[str, Any], answer: Answer) -> Iterator[bytes]:
        yield from self.opening(request)
        for piece in deltas(answer.text or "", answer.single_delta):
            yield _chunk(request, {"content": piece})
        for index, call in enumerate(answer.calls):
            yield from _stream_call(request, index, call, answer.single_delta)
        yield _chunk(request, {}, finish=_finish_reason(answer))
        if request.get("stream_options", {}).get("include_usage"):
            tail = _envelope(request, "chat.completion.chunk") | {"choices": []}
            yield sse(tail | {"usage": _usage(answer.usage)})
        yield b"data: [DONE]\n\n"

    def whole(self, request: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text}
        if answer.calls:
            message["tool_calls"] = [_call(call) for call in answer.calls]
        choice = {"index": 0, "message": message, "finish_reason": _finish_reason(answer)}
        body = _envelope(request, "chat.completion")
        return body | {"choices": [choice], "usage": _usage(answer.usage)}

    def error(self, status: int, message: str) -> dict[str, Any]:
        return openai_error(status, message)

    def assistant_turns(self, request: Mapping[str, Any]) -> int:
        return sum(message["role"] == "assistant" for message in request["messages"])

    def user_texts(self, request: Mapping[str, Any]) -> list[str]:
        return [text_of(m["content"]) for m in request["messages"] if m["role"] == "user"]


def openai_error(status: int, message: str) -> dict[str, Any]:
    """The error body that all OpenAI dialects share."""
    codes = {401: "invalid_api_key", 429: "rate_limit_exceeded", 500: "server_error"}
    kind = "invalid_request_error" if status < 429 else codes.get(status, "server_error")
    error = {"message": message, "type": kind, "param": None, "code": codes.get(status)}
    return {"error": error}


def _envelope(request: Mapping[str, Any], kind: str) -> dict[str, Any]:
    model = request.get("model", "scripted")
    return {"id": new_id("chatcmpl-"), "object": kind, "created": 1_700_000_000, "model": model}


def _chunk(request: Mapping[str, Any], delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return sse(_envelope(request, "chat.completion.chunk") | {"choices": [choice]})


def _usage(usage: Usage) -> dict[str, Any]:
    total = usage.input + usage.cache_read + usage.cache_write
    return {
        "prompt_tokens": total,
        "completion_tokens": usage.output,
        "total_tokens": total + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
    }


def _finish_reason(answer: Answer) -> str:
    return "tool_calls" if answer.calls else "stop"


def _call(call: Tool) -> dict[str, Any]:
    arguments = call.input if isinstance(call.input, str) else json.dumps(call.input)
    function = {"name": call.name, "arguments": arguments}
    return {"id": new_id("call_"), "type": "function", "function": function}


def _stream_call(
    request: Mapping[str, Any], index: int, call: Tool, single: bool
) -> Iterator[bytes]:
    whole = _call(call)
    arguments = whole["function"].pop("arguments")
    head = {"index": index, **whole, "function": {"name": call.name, "arguments": ""}}
    yield _chunk(request, {"tool_calls": [head]})
    for piece in deltas(arguments, single):
        part = {"index": index, "function": {"arguments": piece}}
        yield _chunk(request, {"tool_calls": [part]})
