"""ORCHEX's words on the command line: requests, envelopes, and errors with their request id."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx2
import pytest

from lemnos.cli.client import Client
from lemnos.cli.discovery import Server
from lemnos.cli.errors import CommandError, Refused, WrongUsage
from lemnos.cli.orchex import Orchex
from lemnos.cli.output import tell

Answer = Callable[[httpx2.Request], httpx2.Response]
META = {"request_id": "req_1", "timestamp": "2025-11-29T21:00:00Z"}


def orchex(answer: Answer) -> Orchex:
    return Client(Server("http://lemnos.test", "lk_x"), httpx2.MockTransport(answer)).orchex


def failing(status: int, error: object, **headers: str) -> Orchex:
    content = {"success": False, "error": error, "meta": META}
    return orchex(lambda _: httpx2.Response(status, json=content, headers=headers))


def test_an_answer_is_given_without_its_envelope():
    content = {"success": True, "data": {"agent_id": "a"}, "meta": META}
    assert orchex(lambda _: httpx2.Response(200, json=content)).agent("a") == {"agent_id": "a"}


def test_filters_that_were_left_out_are_not_sent():
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(200, json={"success": True, "data": {}, "meta": META})

    orchex(answer).tasks(status="failed", type="", agent_id=None, limit=5)
    assert asked == ["http://lemnos.test/v1/tasks?status=failed&limit=5"]


def test_an_answer_without_content_is_one():
    orchex(lambda _: httpx2.Response(204)).remove_agent("a")


def test_force_is_asked_for_only_when_it_is_wanted():
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.query.decode())
        return httpx2.Response(204)

    orchex(answer).remove_agent("a")
    orchex(answer).remove_agent("a", force=True)
    assert asked == ["", "force=true"]


def test_a_wrong_field_is_named_with_the_request():
    details = {"field": "type", "issue": "must be one of: …", "fields": {"type": "must be …"}}
    error = {"code": "VALIDATION_ERROR", "message": "Invalid request parameters"}
    with pytest.raises(WrongUsage) as caught:
        failing(400, {**error, "details": details}).submit({})
    told = caught.value
    assert told.exit_code == 2
    assert told.fields == {"type": "must be …"}
    assert told.request_id == "req_1"
    assert told.code == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    ("status", "error", "kind", "code", "message"),
    [
        (
            401,
            {"code": "AUTHENTICATION_ERROR", "message": "Invalid API key"},
            Refused,
            "AUTHENTICATION_ERROR",
            "Invalid API key",
        ),
        (
            404,
            {"code": "NOT_FOUND", "message": "no agent x", "details": {"reason": "agent_gone"}},
            CommandError,
            "agent_gone",
            "no agent x",
        ),
        (
            400,
            {"code": "VALIDATION_ERROR", "message": "Invalid", "details": {"issue": "no JSON"}},
            WrongUsage,
            "VALIDATION_ERROR",
            "Invalid: no JSON",
        ),
    ],
)
def test_errors_of_the_envelope(status, error, kind, code, message):
    with pytest.raises(kind) as caught:
        failing(status, error).agent("x")
    assert (caught.value.code, caught.value.message) == (code, message)


def test_a_limit_says_when_to_come_back():
    error = {"code": "RATE_LIMIT_EXCEEDED", "message": "Rate limit exceeded"}
    with pytest.raises(CommandError) as caught:
        failing(429, error, **{"retry-after": "7"}).agents()
    assert caught.value.retry_after == 7.0


def test_the_request_id_is_told_to_people_and_to_scripts(capsys):
    error = CommandError("It failed.", request_id="req_1")
    tell(error, as_json=True)
    assert json.loads(capsys.readouterr().err)["request_id"] == "req_1"
