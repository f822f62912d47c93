"""The two dialects that endpoints speak.

Anthropic Messages: https://docs.anthropic.com/en/api/messages
OpenAI chat completions: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from lemnos.runners.builtin.model.conversation import Message, Reply, Tool, ToolCall
from lemnos.runners.builtin.model.streams import anthropic_body, chat_body

MAX_TOKENS = 16_384  # of one answer
ANTHROPIC_VERSION = "2023-06-01"


class Wire(Protocol):
    """How to ask an endpoint, and how to read its answer."""

    path: str

    def headers(self, api_key: str) -> dict[str, str]: ...

    def body(
        self, model: str, system: str, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> dict[str, Any]: ...

    def collect(self, events: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
        """The body that a stream of events amounts to. Raises StreamBroken."""
        ...

    def reply(self, body: Mapping[str, Any]) -> Reply:
        """Raises LookupError, TypeError or AttributeError where the answer has another shape."""
        ...


class AnthropicWire:
    """Content blocks; tool answers are blocks of a user message."""

    path = "/v1/messages"

    def headers(self, api_key: str) -> dict[str, str]:
        return {"x-api-key": api_key, "anthropic-version": ANTHROPIC_VERSION}

    def body(
        self, model: str, system: str, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> dict[str, Any]:
        return {
            "model": model,
            "max_tokens": MAX_TOKENS,
            "stream": True,
            "system": system,
            "messages": [{"role": m.role, "content": _blocks(m)} for m in messages],
            "tools": [
                {"name": t.name, "description": t.description, "input_schema": t.schema}
                for t in tools
            ],
        }

    def collect(self, events: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
        return anthropic_body(events)

    def reply(self, body: Mapping[str, Any]) -> Reply:
        blocks = body["content"]
        usage = body.get("usage") or {}
        cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
        return Reply(
            Message(
                "assistant",
                "".join(b["text"] for b in blocks if b["type"] == "text"),
                tuple(
                    ToolCall(b["id"], b["name"], dict(b["input"]))
                    for b in blocks
                    if b["type"] == "tool_use"
                ),
            ),
            thinking="".join(b["thinking"] for b in blocks if b["type"] == "thinking"),
            input_tokens=usage.get("input_tokens", 0) + sum(usage.get(k) or 0 for k in cached),
            output_tokens=usage.get("output_tokens", 0),
            cut_off=body.get("stop_reason") == "max_tokens",
        )


class OpenAIWire:
    """Messages with tool calls; each tool answer is a message of its own."""

    path = "/chat/completions"

    def headers(self, api_key: str) -> dict[str, str]:
        return {"authorization": f"Bearer {api_key}"}

    def body(
        self, model: str, system: str, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> dict[str, Any]:
        said = [entry for message in messages for entry in _chat_entries(message)]
        return {
            "model": model,
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [{"role": "system", "content": system}, *said],
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": t.name,
                        "description": t.description,
                        "parameters": t.schema,
                    },
                }
                for t in tools
            ],
        }

    def collect(self, events: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
        return chat_body(events)

    def reply(self, body: Mapping[str, Any]) -> Reply:
        choice = body["choices"][0]
        message = choice["message"]
        usage = body.get("usage") or {}
        calls = tuple(_chat_call(call) for call in message.get("tool_calls") or ())
        return Reply(
            Message("assistant", message.get("content") or "", calls),
            thinking=message.get("reasoning_content") or "",
            input_tokens=usage.get("prompt_tokens", 0),
            output_tokens=usage.get("completion_tokens", 0),
            cut_off=choice.get("finish_reason") == "length",
        )


WIRES: Mapping[str, Wire] = {"anthropic": AnthropicWire(), "openai": OpenAIWire()}


def _blocks(message: Message) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [
        {
            "type": "tool_result",
            "tool_use_id": answer.id,
            "content": answer.text,
            "is_error": answer.is_error,
        }
        for answer in message.answers
    ]
    if message.text:
        blocks.append({"type": "text", "text": message.text})
    blocks += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
        for call in message.calls
    ]
    return blocks


def _chat_entries(message: Message) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = [
        {"role": "tool", "tool_call_id": answer.id, "content": answer.text}
        for answer in message.answers
    ]
    if message.text or message.calls:
        entry: dict[str, Any] = {"role": message.role, "content": message.text or None}
        if message.calls:
            entry["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
                }
                for call in message.calls
            ]
        entries.append(entry)
    return entries


def _chat_call(call: Mapping[str, Any]) -> ToolCall:
    name, text = call["function"]["name"], call["function"].get("arguments") or "{}"
    try:
        arguments = json.loads(text)
    except ValueError as error:
        return ToolCall(call["id"], name, problem=f"the arguments are not JSON: {error}")
    if not isinstance(arguments, dict):
        return ToolCall(call["id"], name, problem="the arguments are not a JSON object")
    return ToolCall(call["id"], name, arguments)
