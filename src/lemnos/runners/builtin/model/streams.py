"""Put streamed answers together, into the body that the same call gives without streaming.

Anthropic: https://docs.anthropic.com/en/api/messages-streaming
OpenAI: https://platform.openai.com/docs/api-reference/chat/streaming
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


class StreamBroken(Exception):
    """The stream ended before the answer did, or told of an error."""


def anthropic_body(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The message out of its events. Raises StreamBroken."""
    message: dict[str, Any] = {}
    blocks: list[dict[str, Any]] = []
    parts: list[dict[str, list[str]]] = []
    for event in events:
        match event.get("type"):
            case "message_start":
                message = dict(event["message"])
            case "content_block_start":
                blocks.append(dict(event["content_block"]))
                parts.append({})
            case "content_block_delta":
                _add_delta(parts[event["index"]], event["delta"])
            case "message_delta":
                message |= event["delta"]
                message["usage"] = {**message.get("usage", {}), **event.get("usage", {})}
            case "error":
                raise StreamBroken(str(event.get("error", {}).get("message", "unknown error")))
            case "message_stop":
                whole = [_whole(b, p) for b, p in zip(blocks, parts, strict=True)]
                return message | {"content": whole}
    raise StreamBroken("it ended before the message did")


def _add_delta(parts: dict[str, list[str]], delta: Mapping[str, Any]) -> None:
    for field in ("text", "thinking", "partial_json"):
        if field in delta:
            parts.setdefault(field, []).append(delta[field])


def _whole(block: dict[str, Any], parts: Mapping[str, list[str]]) -> dict[str, Any]:
    for field in ("text", "thinking"):
        if field in parts:
            block[field] = block.get(field, "") + "".join(parts[field])
    if block.get("type") == "tool_use":
        block["input"] = json.loads("".join(parts.get("partial_json", ())) or "{}")
    return block


def chat_body(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The completion out of its chunks. Raises StreamBroken."""
    content: list[str] = []
    calls: dict[int, dict[str, Any]] = {}
    finish: str | None = None
    usage: Mapping[str, Any] = {}
    for chunk in events:
        if "error" in chunk:
            raise StreamBroken(str(chunk["error"]))
        usage = chunk.get("usage") or usage
        for choice in chunk.get("choices", ()):
            delta = choice.get("delta") or {}
            content.append(delta.get("content") or "")
            for part in delta.get("tool_calls") or ():
                _add_call(calls, part)
            finish = choice.get("finish_reason") or finish
    if finish is None:
        raise StreamBroken("it ended before the message did")
    for call in calls.values():
        call["function"]["arguments"] = "".join(call["function"]["arguments"])
    message = {"content": "".join(content), "tool_calls": [calls[n] for n in sorted(calls)]}
    return {"choices": [{"message": message, "finish_reason": finish}], "usage": usage}


def _add_call(calls: dict[int, dict[str, Any]], part: Mapping[str, Any]) -> None:
    function = part.get("function") or {}
    fresh: dict[str, Any] = {"id": "", "function": {"name": "", "arguments": []}}
    call = calls.setdefault(part.get("index", 0), fresh)
    call["id"] = part.get("id") or call["id"]
    call["function"]["name"] = function.get("name") or call["function"]["name"]
    call["function"]["arguments"].append(function.get("arguments") or "")
