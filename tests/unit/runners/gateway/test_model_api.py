"""What becomes of a model request on its way to the provider."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lemnos.runners.gateway.meter import Refused
from lemnos.runners.gateway.model_api import prepare

MESSAGES, CHAT, RESPONSES = "/v1/messages?beta=true", "/chat/completions", "/responses"


def _prepared(path: str, most: int | None = None, **fields: Any) -> dict[str, Any]:
    model, body = prepare(path, json.dumps({"model": "m", **fields}).encode(), most)
    assert model == "m"
    prepared: dict[str, Any] = json.loads(body)
    return prepared


def test_a_request_that_needs_no_change_stays_as_it_came() -> None:
    body = b'{ "model":"m",  "max_tokens": 10, "n": 1.10 }'

    assert prepare(MESSAGES, body, 20) == ("m", body)


@pytest.mark.parametrize("name", ["max_tokens", "max_output_tokens", "max_completion_tokens"])
def test_limits_are_lowered_but_never_raised(name: str) -> None:
    assert _prepared(MESSAGES, 4_000, **{name: 32_000})[name] == 4_000
    assert _prepared(MESSAGES, 4_000, **{name: 100})[name] == 100


@pytest.mark.parametrize(
    ("path", "name"), [(CHAT, "max_completion_tokens"), (RESPONSES, "max_output_tokens")]
)
def test_a_request_without_a_limit_gets_one_that_any_model_can_keep(path: str, name: str) -> None:
    assert _prepared(path, 4_000)[name] == 4_000
    assert name not in _prepared(path, 200_000)


def test_all_else_keeps_its_digits() -> None:
    body = b'{"model":"m","max_tokens":9000,"top_p":0.10,"seed":12345678901234567890}'

    assert prepare(MESSAGES, body, 100)[1] == body.replace(b"9000", b"100")


@pytest.mark.parametrize(
    ("most", "thinking"),
    [
        (4_000, {"type": "enabled", "budget_tokens": 3_999}),
        (1_000, {"type": "disabled"}),
        (40_000, {"type": "enabled", "budget_tokens": 31_999}),
    ],
)
def test_thinking_fits_into_the_answer(most: int, thinking: dict[str, Any]) -> None:
    asked = {"type": "enabled", "budget_tokens": 31_999}

    assert _prepared(MESSAGES, most, max_tokens=64_000, thinking=asked)["thinking"] == thinking


def test_streamed_chats_are_asked_for_their_usage() -> None:
    options = _prepared(CHAT, stream=True, stream_options={"x": 1})["stream_options"]

    assert options == {"x": 1, "include_usage": True}
    assert "stream_options" not in _prepared(CHAT)
    assert "stream_options" not in _prepared(RESPONSES, stream=True)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"model": 1}', b'{"max_tokens": "many"}'])
def test_what_is_no_model_request_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match="no model request"):
        prepare(MESSAGES, body, 100)


def test_work_in_the_background_is_refused() -> None:
    with pytest.raises(Refused, match="Background"):
        _prepared(RESPONSES, background=True)
