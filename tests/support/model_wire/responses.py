"""OpenAI Responses API (https://platform.openai.com/docs/api-reference/responses-streaming)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from tests.support.model_script import Answer, Tool, Usage
from tests.support.model_wire import deltas, new_id, sse, text_of
from tests.support.model_wire.chat import openai_error

OUTPUT_ITEMS = {"reasoning", "function_call", "custom_tool_call", "local_shell_call"}


class ResponsesWire:
    """Responses: output items, each added, filled by deltas and done."""

    def opening(self, request: Mapping[str, Any]) -> Iterator[bytes]:
        yield _event("response.created", response=_response(request))
        item = _message_item("", "msg_open") | {"status": "in_progress", "content": []}
        yield _event("response.output_item.added", output_index=0, item=item)

    def word(self, text: str) -> bytes:
        return _event(
            "response.output_text.delta",
            item_id="msg_open",
            output_index=0,
            content_index=0,
            delta=text,
        )

    def stream(self, request: Mapping[str, Any], answer: Answer) -> Iterator[bytes]:
        response = _response(request)
        yield _event("response.created", response=response)
        items = _items(answer)
        for index, item in enumerate(items):
            yield from _stream_item(index, item, answer.single_delta)
        done = response | {
            "status": "completed",
            "output": [] if answer.single_delta else items,
            "usage": _usage(answer.usage),
        }
        yield _event("response.completed", response=done)

    def whole(self, request: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
        response = _response(request)
        response |= {"status": "completed", "output": _items(answer)}
        response["usage"] = _usage(answer.usage)
        return response

    def error(self, status: int, message: str) -> dict[str, Any]:
        return openai_error(status, message)

    def assistant_turns(self, request: Mapping[str, Any]) -> int:
        """Runs of output items: the API has no message that holds a whole turn."""
        own = [_is_output(item) for item in _input(request)]
        return sum(is_output for is_output, _ in groupby(own))

    def user_texts(self, request: Mapping[str, Any]) -> list[str]:
        return [text_of(i.get("content")) for i in _input(request) if i.get("role") == "user"]


def _input(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = request["input"]
    return [{"role": "user", "content": given}] if isinstance(given, str) else list(given)


def _is_output(item: Mapping[str, Any]) -> bool:
    return item.get("type") in OUTPUT_ITEMS or item.get("role") == "assistant"


def _event(name: str, **fields: Any) -> bytes:
    return sse({"type": name, **fields}, name)


def _response(request: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": new_id("resp_"),
        "object": "response",
        "status": "in_progress",
        "model": request.get("model", "scripted"),
        "output": [],
        "usage": None,
    }


def _usage(usage: Usage) -> dict[str, Any]:
    total = usage.input + usage.cache_read + usage.cache_write
    return {
        "input_tokens": total,
        "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": total + usage.output,
    }


def _message_item(text: str, item_id: str) -> dict[str, Any]:
    return {
        "id": item_id,
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }


def _call_item(call: Tool) -> dict[str, Any]:
    common = {"call_id": new_id("call_"), "name": call.name, "status": "completed"}
    if call.namespace is not None:
        common["namespace"] = call.namespace
    if isinstance(call.input, str):
        return {"id": new_id("ctc_"), "type": "custom_tool_call", "input": call.input, **common}
    encoded = json.dumps(call.input)
    return {"id": new_id("fc_"), "type": "function_call", "arguments": encoded, **common}


def _items(answer: Answer) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if answer.thinking is not None:
        summary = [{"type": "summary_text", "text": answer.thinking}]
        items.append({"id": new_id("rs_"), "type": "reasoning", "summary": summary})
    if answer.text is not None:
        items.append(_message_item(answer.text, new_id("msg_")))
    return items + [_call_item(call) for call in answer.calls]


def _stream_item(index: int, item: dict[str, Any], single: bool) -> Iterator[bytes]:
    where = {"item_id": item["id"], "output_index": index}
    if item["type"] == "message":
        added = item | {"status": "in_progress", "content": []}
        yield _event("response.output_item.added", output_index=index, item=added)
        for piece in deltas(item["content"][0]["text"], single):
            yield _event("response.output_text.delta", **where, content_index=0, delta=piece)
    elif item["type"] == "reasoning":
        yield _event("response.output_item.added", output_index=index, item=item | {"summary": []})
        text = item["summary"][0]["text"]
        yield _event("response.reasoning_summary_text.delta", **where, summary_index=0, delta=text)
    else:
        field, event = (
            ("arguments", "function_call_arguments")
            if item["type"] == "function_call"
            else ("input", "custom_tool_call_input")
        )
        added = item | {field: "", "status": "in_progress"}
        yield _event("response.output_item.added", output_index=index, item=added)
        for piece in deltas(item[field], single):
            yield _event(f"response.{event}.delta", **where, delta=piece)
    yield _event("response.output_item.done", output_index=index, item=item)
