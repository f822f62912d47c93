"""The three dialects of the model endpoint; each encodes an Answer as a stream or as one body."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from tests.support.model_script import Answer


class Wire(Protocol):
    """One dialect.

    `opening`, `word` and `stream` are pieces of one SSE stream: faults send the opening and some
    words, complete turns the whole stream.
    """

    def opening(self, request: Mapping[str, Any]) -> Iterator[bytes]: ...
    def word(self, text: str) -> bytes: ...
    def stream(self, request: Mapping[str, Any], answer: Answer) -> Iterator[bytes]: ...
    def whole(self, request: Mapping[str, Any], answer: Answer) -> dict[str, Any]: ...
    def error(self, status: int, message: str) -> dict[str, Any]: ...
    def assistant_turns(self, request: Mapping[str, Any]) -> int: ...
    def user_texts(self, request: Mapping[str, Any]) -> list[str]: ...


def sse(data: Mapping[str, Any], event: str | None = None) -> bytes:
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def new_id(prefix: str) -> str:
    return prefix + uuid.uuid4().hex[:24]


def deltas(text: str, single: bool) -> Iterator[str]:
    """The text in pieces of 16 letters, as a model streams it, or whole."""
    if single or len(text) <= 16:
        yield text
        return
    step = max(16, len(text) // 64)
    for start in range(0, len(text), step):
        yield text[start : start + step]


def text_of(content: Any) -> str:
    """The text of a message content, which is a string or a list of typed parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part["text"]) for part in parts if "text" in part)
