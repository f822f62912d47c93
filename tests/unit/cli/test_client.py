"""The client, against a server that misbehaves on purpose."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import httpx2
import pytest

from lemnos.cli.client import Client
from lemnos.cli.discovery import Server
from lemnos.cli.errors import CommandError, Refused, Unreachable, WrongUsage

Answer = Callable[[httpx2.Request], httpx2.Response]


def client(answer: Answer) -> Client:
    return Client(Server("http://lemnos.test", "lk_x"), httpx2.MockTransport(answer))


def frame(id: int, name: str, data: object = None) -> bytes:
    content = {"type": "system", "event": name, "data": data or {}, "ts": ""}
    return f"id: {id}\ndata: {json.dumps(content)}\n\n".encode()


def stream(*chunks: bytes, breaks: bool = False) -> httpx2.Response:
    def body() -> Iterator[bytes]:
        yield from chunks
        if breaks:
            raise httpx2.ReadError("connection lost")

    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body())


CONNECTED = b'event: connected\ndata: {"task_id": "t", "status": "running"}\n\n'
DONE = b'event: done\ndata: {"task_id": "t", "status": "completed"}\n\n'


def test_a_stream_goes_on_where_it_broke_off():
    asked: list[str | None] = []
    answers = [
        stream(CONNECTED, frame(1, "a"), frame(2, "b")[:20], breaks=True),
        stream(CONNECTED, frame(2, "b"), b": keepalive\n\n"),  # ended without `done`
        stream(CONNECTED, frame(3, "c"), DONE),
    ]

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.headers.get("last-event-id"))
        return answers[len(asked) - 1]

    names = [e["event"] for e in client(answer).events("t") if e["name"] == "message"]
    assert names == ["a", "b", "c"]
    assert asked == [None, "1", "2"]


def test_a_stream_whose_server_stays_away_is_given_up(monkeypatch):
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("lemnos.cli.http.time.sleep", lambda _: None)
    monkeypatch.setattr("lemnos.cli.http.time.monotonic", lambda: next(clock) + 1)

    def answer(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    with pytest.raises(Unreachable):
        list(client(answer).events("t"))


def test_a_long_line_passes():
    answer = stream(CONNECTED, frame(1, "big", {"text": "x" * 5_000_000}), DONE)
    events = list(client(lambda _: answer).events("t"))
    assert len(events[1]["data"]["text"]) == 5_000_000


def test_a_lost_answer_is_asked_for_again_under_the_same_key(monkeypatch):
    monkeypatch.setattr("lemnos.cli.http.time.sleep", lambda _: None)
    keys: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        keys.append(request.headers["idempotency-key"])
        if len(keys) < 3:
            raise httpx2.ReadError("lost")
        return httpx2.Response(201, json={"id": "t", "status": "pending", "created_at": ""})

    assert client(answer).create_task({"prompt": "x"})["id"] == "t"
    assert len(keys) == 3
    assert len(set(keys)) == 1


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, WrongUsage, 2),
        (401, Refused, 4),
        (403, Refused, 4),
        (404, CommandError, 1),
        (409, CommandError, 1),
        (500, CommandError, 1),
    ],
)
def test_failures_have_their_exit_codes(status, kind, code):
    body = {"error": "e", "message": "m", "code": "c", "fields": {"a": "b"}}
    with pytest.raises(kind) as caught:
        client(lambda _: httpx2.Response(status, json=body)).task("t")
    error = caught.value
    assert (error.exit_code, error.message, error.code) == (code, "m", "c")
    assert error.fields == {"a": "b"}


def test_a_refusal_says_when_to_come_back():
    answer = httpx2.Response(429, json={"message": "slow"}, headers={"retry-after": "7"})
    with pytest.raises(CommandError) as caught:
        client(lambda _: answer).task("t")
    assert caught.value.hint == "Try again in 7 s."


@pytest.mark.parametrize("text", ["<html>", "[]", ""])
def test_what_is_not_lemnos_is_told_apart(text):
    with pytest.raises(Unreachable, match="does not look like a Lemnos server"):
        client(lambda _: httpx2.Response(200, text=text)).task("t")
    assert not client(lambda _: httpx2.Response(200, text=text)).is_ready()


def test_a_name_is_one_segment_of_the_path():
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.raw_path.decode())
        return httpx2.Response(200, json={})

    client(answer).delete_key("../../health?x#y")
    assert asked == ["/api/v1/keys/..%2F..%2Fhealth%3Fx%23y"]
    with pytest.raises(WrongUsage):
        client(answer).delete_key("..")
