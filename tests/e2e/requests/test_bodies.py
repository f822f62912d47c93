"""Bodies that are too large, malformed, or of another shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.e2e.requests.answers import REPOSITORY, connected, head, post, refused
from tests.support.server import LemnosServer

pytestmark = pytest.mark.e2e

HUGE = 100 * 1024 * 1024


def _chunks() -> Iterator[bytes]:
    piece = b" " * 65536
    for _ in range(HUGE // len(piece)):
        yield piece


@pytest.mark.parametrize("path", ["/api/v1/tasks", "/api/v1/keys", "/api/v1/mcp/servers"])
def test_a_body_of_100_mb_is_refused_before_it_is_read(plain: LemnosServer, path: str):
    """With its length in a header: the answer comes before the body does."""
    with connected(plain) as connection:
        start = head(plain, path) + f"Content-Length: {HUGE}\r\n\r\n"
        connection.sendall(start.encode())
        assert b" 413 " in connection.recv(4096).partition(b"\r\n")[0]


def test_a_body_of_100_mb_that_hides_its_length_is_cut_off(plain: LemnosServer):
    try:
        answer = plain.client.post(
            "/api/v1/tasks", content=_chunks(), headers={"Content-Type": "application/json"}
        )
    except httpx2.TransportError:
        return  # the server hung up while we were sending, which is as good
    refused(answer, 413)


def test_a_chunked_body_over_the_limit_is_told_so(plain: LemnosServer):
    """One that stops where the limit is, so that nobody hangs up before the answer."""
    with connected(plain) as connection:
        connection.sendall(
            (head(plain, "/api/v1/keys") + "Transfer-Encoding: chunked\r\n\r\n").encode()
        )
        piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
        for _ in range(4 * 16 + 1):
            connection.sendall(piece)
        assert b" 413 " in connection.recv(4096).partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"17",
        b"NaN",
        b'{"prompt": "x", "repo_url": "https://github.com/u/r.git",}',
        b"\xff\xfe\xfd",
        b'{"prompt": "\xff", "repo_url": "https://github.com/u/r.git"}',
        b'{"prompt": "\\ud800", "repo_url": "https://github.com/u/r.git"}',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"config":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"prompt": ' + b"9" * 100_000 + b"}",
        (
            b'{"repo_url": "https://github.com/u/r.git", "prompt": "x", "config": '
            b'{"timeout_seconds": 1e400}}'
        ),
    ],
    ids=lambda content: repr(content[:30]),
)
@pytest.mark.parametrize(
    "path",
    ["/api/v1/tasks", "/api/v1/keys", "/api/v1/mcp/servers", "/api/v1/tasks/unknown/instruct"],
)
def test_what_is_no_json_object_is_refused(plain: LemnosServer, path: str, content: bytes):
    body = refused(post(plain, path, content), 400)
    assert body["error"] == "validation_error"
    assert body["fields"]


def test_of_two_fields_with_one_name_the_last_counts_or_none(plain: LemnosServer):
    content = b'{"repo_url": "%s", "prompt": "first", "prompt": "second"}' % REPOSITORY.encode()
    answer = post(plain, "/api/v1/tasks", content)
    if answer.status_code == 201:
        assert plain.task(answer.json()["id"])["prompt"] == "second"
    else:
        refused(answer, 400)


VALID: dict[str, dict[str, Any]] = {
    "/api/v1/tasks": {
        "repo_url": REPOSITORY,
        "prompt": "x",
        "provider_key": "",
        "access_token": "ghp_xxx",
        "callback_url": "https://your-app.com/webhook",
        "config": {
            "timeout_seconds": 600,
            "cli": "builtin",
            "ai_model": "m",
            "ai_api_key": "k",
            "max_turns": 20,
            "target_branch": "develop",
            "max_budget_usd": 1.5,
            "mcp_servers": [{"name": "a", "package": "b", "args": ["c"], "env": {"D": "e"}}],
        },
    },
    "/api/v1/keys": {"name": "n", "provider": "github", "token": "t", "scope": "s"},
    "/api/v1/mcp/servers": {
        "name": "n",
        "package": "p",
        "command": "",
        "url": "",
        "args": ["a"],
        "env": {"A": "b"},
        "headers": {},
    },
    "/api/v1/tasks/unknown/instruct": {"prompt": "x", "timeout_seconds": 5, "max_turns": 3},
    "/api/v1/tasks/unknown/create-pr": {"title": "t", "description": "d", "target_branch": "b"},
}
WRONG: list[Any] = [17, -1, 1.5, True, [], {}, ["x"], {"x": "y"}, "text", "", None, "\x00"]


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _places(inner, (*place, key))


def _with(body: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(body))
    holder: Any = copy
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return copy


@pytest.mark.parametrize("path", VALID)
def test_wrong_types_in_every_place_are_refused_or_harmless(plain: LemnosServer, path: str):
    for place in _places(VALID[path]):
        for number, value in enumerate(WRONG):
            body = _with(VALID[path], place, value)
            if "name" in body:
                body["name"] = body["name"] if place == ("name",) else f"n-{number}-{hash(place)}"
            answer = plain.client.post(path, json=body)
            where = f"{place} = {value!r}: {answer.status_code} {answer.text[:300]}"
            assert answer.status_code < 500, where
            if answer.status_code == 400:
                assert refused(answer, 400)["fields"], where


@pytest.mark.parametrize("path", VALID)
def test_an_unknown_field_is_named(plain: LemnosServer, path: str):
    answer = plain.client.post(path, json={**VALID[path], "propmt": "x"})
    assert refused(answer, 400)["fields"] == {"propmt": "is not a known field"}


@pytest.mark.parametrize(
    "value", ["a\x00b", "\x00", "\u0001\u001b[31m", "\ufeff", "\U0001d518", "\u202e"]
)
def test_odd_characters_in_every_text_are_kept_or_refused(plain: LemnosServer, value: str):
    for path, valid in VALID.items():
        for place in _places(valid):
            body = _with(valid, place, value)
            answer = plain.client.post(path, json=body)
            assert answer.status_code < 500, f"{path} {place} {answer.text[:300]}"
    created = plain.client.post(
        "/api/v1/tasks", json={"repo_url": REPOSITORY, "prompt": f"do {value} now"}
    )
    if created.status_code == 201:
        assert plain.task(created.json()["id"])["prompt"] == f"do {value} now"
    else:
        assert "prompt" in refused(created, 400)["fields"]


def test_a_form_is_not_taken_for_json(plain: LemnosServer):
    for path, valid in VALID.items():
        answer = plain.client.post(path, data={"name": "n", "prompt": "x"})
        refused(answer, 400, 415), valid


@pytest.mark.parametrize("number", [102_400, 102_401])
def test_the_longest_prompt(plain: LemnosServer, number: int):
    """Characters are counted, not bytes."""
    body = {"repo_url": REPOSITORY, "prompt": "é" * number}
    answer = plain.client.post("/api/v1/tasks", json=body)
    if number == 102_400:
        assert answer.status_code == 201, answer.text
    else:
        assert "prompt" in refused(answer, 400)["fields"]
