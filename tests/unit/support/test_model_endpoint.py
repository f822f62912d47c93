"""The scripted model endpoint, asked as an SDK would ask it."""

import json
from typing import Any

import httpx2
import pytest

from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import (
    FOREVER,
    Drop,
    EndlessStream,
    Fail,
    Hang,
    HugeLine,
    Say,
    Script,
    Slow,
    Tool,
    Tools,
    Usage,
)

PROMPT = [{"role": "user", "content": "go"}]
CLAUDE = {"User-Agent": "claude-cli/2.1", "X-Claude-Code-Session-Id": "session-1"}
DIALECTS = ["messages", "responses", "chat/completions"]


def ask(
    endpoint: ModelEndpoint,
    dialect: str = "messages",
    messages: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
    **body: Any,
) -> httpx2.Response:
    conversation = messages or PROMPT
    body[("input" if dialect == "responses" else "messages")] = conversation
    url = f"{endpoint.url}/v1/{dialect}"
    return httpx2.post(url, json={"model": "m", **body}, headers=headers, timeout=10)


def events(response: httpx2.Response) -> list[dict[str, Any]]:
    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def test_anthropic_stream_holds_text_tool_and_usage() -> None:
    turn = Tools([Tool("Bash", {"command": "ls"})], text="Look:", usage=Usage(7, 9, 3, 2))
    with ModelEndpoint(turn) as endpoint:
        got = events(ask(endpoint, stream=True))
    kinds = [event["type"] for event in got]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert got[0]["message"]["usage"]["cache_read_input_tokens"] == 3
    assert got[-2]["delta"]["stop_reason"] == "tool_use"
    assert got[-2]["usage"]["output_tokens"] == 9
    parts = [event["delta"] for event in got if event["type"] == "content_block_delta"]
    assert "".join(p.get("text", "") for p in parts) == "Look:"
    assert json.loads("".join(p.get("partial_json", "") for p in parts)) == {"command": "ls"}


def test_responses_stream_ends_with_the_completed_response() -> None:
    turn = Tools([Tool("exec_command", {"cmd": "ls"}), Tool("apply_patch", "*** Begin")])
    with ModelEndpoint(turn) as endpoint:
        last = events(ask(endpoint, "responses", stream=True))[-1]
    assert last["type"] == "response.completed"
    assert [item["type"] for item in last["response"]["output"]] == [
        "function_call",
        "custom_tool_call",
    ]
    assert last["response"]["usage"]["total_tokens"] == 120


@pytest.mark.parametrize("stream", [True, False])
def test_chat_completions_stream_and_not(stream: bool) -> None:
    with ModelEndpoint(Tool("edit", {"path": "a"})) as endpoint:
        response = ask(
            endpoint, "chat/completions", stream=stream, stream_options={"include_usage": True}
        )
    if not stream:
        call = response.json()["choices"][0]["message"]["tool_calls"][0]
        assert json.loads(call["function"]["arguments"]) == {"path": "a"}
        return
    chunks = events(response)
    assert chunks[-1]["usage"]["total_tokens"] == 120
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert response.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_failure_is_over_after_its_times(dialect: str) -> None:
    with ModelEndpoint(Fail(429, retry_after=2, times=2), Say("ok")) as endpoint:
        answers = [ask(endpoint, dialect, stream=True) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "2"
    assert "error" in answers[0].json()


def test_a_named_session_gets_turn_after_turn_and_side_requests_take_none() -> None:
    with ModelEndpoint(Say("one"), Say("two")) as endpoint:
        first = ask(endpoint, headers=CLAUDE, tools=[{"name": "Bash"}])
        title = ask(endpoint, headers=CLAUDE)
        later = [*PROMPT, {"role": "assistant", "content": "one"}, *PROMPT]
        second = ask(endpoint, messages=later, headers=CLAUDE, tools=[{"name": "Bash"}])
    texts = [reply.json()["content"][0]["text"] for reply in (first, title, second)]
    assert texts[0] == "one"
    assert json.loads(texts[1])["title"]
    assert texts[2] == "two"
    assert [exchange.kind for exchange in endpoint.exchanges] == ["turn", "side", "turn"]


def test_nameless_clients_are_placed_by_what_they_send_even_side_by_side() -> None:
    later = [*PROMPT, {"role": "assistant", "content": "one"}, *PROMPT]
    with ModelEndpoint(Say("one"), Say("two")) as endpoint:
        order = [PROMPT, PROMPT, later, PROMPT, later]
        replies = [ask(endpoint, "chat/completions", messages) for messages in order]
    contents = [reply.json()["choices"][0]["message"]["content"] for reply in replies]
    assert contents == ["one", "one", "two", "one", "two"]


def test_the_latest_prompt_picks_the_script() -> None:
    follow_up = [
        {"role": "user", "content": "add a test"},
        {"role": "assistant", "content": "A"},
        {"role": "user", "content": "now document it"},
    ]
    scripts = Script([Say("A")], when="add a test"), Script([Say("B")], when="document")
    with ModelEndpoint(*scripts) as endpoint:
        replies = [ask(endpoint, messages=follow_up[:1]), ask(endpoint, messages=follow_up)]
    assert [reply.json()["content"][0]["text"] for reply in replies] == ["A", "B"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_model_has_its_own_script_and_its_own_faults(dialect: str) -> None:
    scripts = (
        Script([Say("whoever else")]),
        Script([Fail(529, times=FOREVER)], model="busy"),
        Script([Fail(401, times=2), Say("found the key")], model="locked"),
        Script([Say("by prompt")], when="go", model="wordy"),
    )
    with ModelEndpoint(*scripts) as endpoint:
        for _ in range(3):
            assert ask(endpoint, dialect, model="busy").status_code == 529
        locked = [ask(endpoint, dialect, model="locked") for _ in range(3)]
        assert [answer.status_code for answer in locked] == [401, 401, 200]
        assert "found the key" in locked[-1].text
        assert "by prompt" in ask(endpoint, dialect, model="wordy").text
        assert "whoever else" in ask(endpoint, dialect, model="m").text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_slow_answer_begins_at_once_and_comes_whole(dialect: str) -> None:
    with ModelEndpoint(Slow(Say("at last"), 0.2)) as endpoint:
        url = f"{endpoint.url}/v1/{dialect}"
        name = "input" if dialect == "responses" else "messages"
        body = {"model": "m", "stream": True, name: PROMPT}
        with httpx2.stream("POST", url, json=body, timeout=10) as answer:
            pieces = answer.iter_bytes()
            first = next(pieces)
            assert endpoint.turns[0].outcome == "open"
            assert b"last" in first + b"".join(pieces)


def test_the_end_of_a_script_is_an_error_that_nobody_retries() -> None:
    with ModelEndpoint() as endpoint:
        assert ask(endpoint).status_code == 400
        assert endpoint.problems


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_huge_turn_is_one_delta(dialect: str) -> None:
    with ModelEndpoint(HugeLine(bytes=5_000_000)) as endpoint:
        response = ask(endpoint, dialect, stream=True)
    assert max(len(line) for line in response.text.splitlines()) > 5_000_000


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dropped_stream_begins_and_breaks(dialect: str) -> None:
    with ModelEndpoint(Drop()) as endpoint:
        with pytest.raises(httpx2.TransportError):
            ask(endpoint, dialect, stream=True)
        turns = endpoint.wait_for(lambda seen: seen[0].outcome != "open")
    assert turns[0].outcome == "reset"


@pytest.mark.parametrize("turn", [EndlessStream(interval=0.001), Hang()])
def test_endless_streams_last_until_the_client_leaves_or_the_endpoint_stops(turn: Any) -> None:
    with ModelEndpoint(turn) as endpoint:
        body = {"messages": PROMPT, "stream": True}
        with httpx2.stream("POST", f"{endpoint.url}/v1/messages", json=body, timeout=10) as reply:
            assert "message_start" in next(reply.iter_text())
        if isinstance(turn, EndlessStream):
            endpoint.wait_for(lambda seen: seen[0].outcome == "hung up")
        else:
            assert endpoint.turns[0].outcome == "open"


def test_small_talk() -> None:
    with ModelEndpoint() as endpoint:
        assert httpx2.head(endpoint.url).status_code == 200
        assert httpx2.get(endpoint.url + "/v1/models").json()["data"]
        counted = httpx2.post(endpoint.url + "/v1/messages/count_tokens", json={"messages": PROMPT})
        assert counted.json()["input_tokens"] > 0
        assert not endpoint.turns
