"""Token counts out of streams and documents, in each dialect and however they are cut."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lemnos.runners.gateway.prices import Tokens
from lemnos.runners.gateway.usage import UsageReader


def _sse(*frames: dict[str, Any]) -> bytes:
    return b"".join(b"event: x\ndata: " + json.dumps(frame).encode() + b"\n\n" for frame in frames)


ANTHROPIC = _sse(
    {
        "type": "message_start",
        "message": {
            "usage": {
                "input_tokens": 10,
                "output_tokens": 1,
                "cache_read_input_tokens": 500,
                "cache_creation_input_tokens": 70,
                "cache_creation": {"ephemeral_1h_input_tokens": 30},
            }
        },
    },
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hello there"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 42}},
)
RESPONSES = _sse(
    {"type": "response.created", "response": {"usage": None}},
    {"type": "response.output_text.delta", "delta": "Hello there"},
    {
        "type": "response.completed",
        "response": {
            "usage": {
                "input_tokens": 510,
                "input_tokens_details": {"cached_tokens": 500},
                "output_tokens": 42,
            }
        },
    },
)
CHAT = (
    _sse(
        {"choices": [{"delta": {"content": "Hello"}}], "usage": None},
        {
            "choices": [],
            "usage": {
                "prompt_tokens": 510,
                "completion_tokens": 42,
                "prompt_tokens_details": {"cached_tokens": 500},
            },
        },
    )
    + b"data: [DONE]\n\n"
)
EXPECTED = {
    "anthropic": Tokens(10, 42, 500, 40, 30),
    "responses": Tokens(10, 42, 500),
    "chat": Tokens(10, 42, 500),
}


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (ANTHROPIC, EXPECTED["anthropic"]),
        (RESPONSES, EXPECTED["responses"]),
        (CHAT, EXPECTED["chat"]),
    ],
    ids=list(EXPECTED),
)
def test_a_stream_is_counted(stream: bytes, expected: Tokens, size: int) -> None:
    reader = UsageReader(request_bytes=4_000)

    for start in range(0, len(stream), size):
        reader.feed(stream[start : start + size])
    reader.finish()

    assert reader.tokens == expected


def test_a_document_is_counted() -> None:
    reader = UsageReader(4_000)
    document = json.dumps({"content": [], "usage": {"input_tokens": 8, "output_tokens": 9}})

    reader.feed_document(document[:20].encode())
    reader.feed_document(document[20:].encode())
    reader.finish()

    assert reader.tokens == Tokens(8, 9)


def test_until_the_provider_says_more_it_is_estimated() -> None:
    reader = UsageReader(request_bytes=4_000)
    assert reader.tokens == Tokens(input=1_000)

    reader.feed(_sse({"message": {"usage": {"input_tokens": 10, "output_tokens": 1}}}))
    assert reader.tokens == Tokens(10, 1)

    for _ in range(100):
        reader.feed(_sse({"type": "content_block_delta", "delta": {"text": "x" * 388}}))
    assert 9_000 < reader.tokens.output < 11_000

    reader.feed(_sse({"type": "message_delta", "usage": {"output_tokens": 7_000}}))
    assert reader.tokens == Tokens(10, 7_000)


def test_a_refused_call_counts_nothing() -> None:
    reader = UsageReader(4_000)
    reader.fail()
    reader.finish()

    assert reader.tokens == Tokens()


@pytest.mark.parametrize("junk", [b"data: {nope\n\n", b"data: [1]\n\n", b'data: {"usage": 3}\n\n'])
def test_what_is_no_usage_is_passed_over(junk: bytes) -> None:
    reader = UsageReader(400)
    reader.feed(junk + ANTHROPIC)

    assert reader.tokens == EXPECTED["anthropic"]
