"""The Python SDK's transport: settings, retries, errors, pages; against a scripted server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from lemnos_sdk import (
    ORCHEX,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncORCHEX,
    AuthenticationError,
    CodeForge,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServerError,
    UnprocessableError,
    ValidationError,
    _retry,
)
from tests.sdk.scripted import ScriptedServer, orchex, refusal
from tests.support.loopback import ConnectionReset, Reply, Request

HEALTH = {
    "status": "healthy",
    "version": "1",
    "uptime_seconds": 1,
    "components": {"router": "healthy"},
    "agents": {"total": 1},
}
SUBMITTED = {"task_id": "task_1", "status": "queued", "queue_position": 2}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-offs of milliseconds, and no settings of whoever runs the tests."""
    monkeypatch.setattr(_retry, "FIRST_PAUSE", 0.001)
    for name in ("ORCHEX_BASE_URL", "ORCHEX_API_KEY", "LEMNOS_URL", "LEMNOS_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(orchex(HEALTH)) as running:
        yield running


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[ORCHEX]:
    with ORCHEX("key", base_url=server.url) as made:
        yield made


# --- settings --------------------------------------------------------------------------------


def test_arguments_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEMNOS_URL", "http://lemnos:1")
    assert ORCHEX().base_url == "http://lemnos:1"
    monkeypatch.setenv("ORCHEX_BASE_URL", "http://orchex:2/v1/")
    assert ORCHEX().base_url == "http://orchex:2"
    assert CodeForge().base_url == "http://lemnos:1"
    assert ORCHEX(base_url="https://given:3/v1").base_url == "https://given:3"


def test_without_settings_it_is_this_machine() -> None:
    assert ORCHEX().base_url == "http://127.0.0.1:8000"


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="http"):
        ORCHEX(base_url="orchex.example")


def test_the_key_is_sent_and_never_shown(server: ScriptedServer, client: ORCHEX) -> None:
    client.system.health()
    assert server.requests[0].headers["authorization"] == "Bearer key"
    assert "key'" not in repr(client._io.settings)


# --- answers ---------------------------------------------------------------------------------


def test_models_take_fields_they_do_not_know(server: ScriptedServer, client: ORCHEX) -> None:
    server.answers = [orchex({**HEALTH, "of_a_newer_server": 1})]
    found = client.system.health()
    assert found.components["router"] == "healthy"
    assert found.agents.total == 1
    with pytest.raises(AttributeError):
        found.status = "down"  # type: ignore[misc]


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, b"<html>", {"Content-Type": "text/html"}),
        Reply.json({"success": True}),
        orchex({"status": 3}),
        Reply.json([]),
    ],
)
def test_an_answer_of_something_else_is_told(
    server: ScriptedServer, client: ORCHEX, answer: Reply
) -> None:
    server.answers = [answer]
    with pytest.raises(ResponseError, match="/v1/health"):
        client.system.health()


def test_names_are_one_segment_of_a_path(server: ScriptedServer, client: ORCHEX) -> None:
    server.answers = [refusal(404, "NOT_FOUND")]
    with pytest.raises(NotFoundError):
        client.agents.get("a/../b?c")
    assert server.requests[0].target == "/v1/agents/a%2F..%2Fb%3Fc"
    for name in ("", ".", ".."):
        with pytest.raises(ValueError, match="is not a name"):
            client.agents.get(name)


# --- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ValidationError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, APIStatusError),
        (422, UnprocessableError),
        (501, ServerError),
    ],
)
def test_errors_by_status(
    server: ScriptedServer, client: ORCHEX, status: int, kind: type[APIStatusError]
) -> None:
    server.answers = [refusal(status, "CODE", reason="why")]
    with pytest.raises(kind) as caught:
        client.system.health()
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.code, error.reason) == (status, "CODE", "why")
    assert error.request_id == "req_1"
    assert str(error) == f"No. ({status}, CODE, req_1)"
    assert len(server.requests) == 1


def test_a_validation_error_names_the_field(server: ScriptedServer, client: ORCHEX) -> None:
    server.answers = [refusal(400, "VALIDATION_ERROR", field="type", issue="required")]
    with pytest.raises(ValidationError) as caught:
        client.system.health()
    assert (caught.value.field, caught.value.issue) == ("type", "required")


def test_errors_in_codeforges_shape(server: ScriptedServer) -> None:
    body = {
        "error": "validation_error",
        "message": "repo_url is required.",
        "code": "validation",
        "request_id": "req_9",
        "fields": {"repo_url": "is required"},
    }
    server.answers = [Reply.json(body, 400)]
    with (
        CodeForge("key", base_url=server.url) as client,
        pytest.raises(ValidationError) as caught,
    ):
        client.tasks.create(repo_url="", prompt="x")
    assert (caught.value.code, caught.value.request_id) == ("validation", "req_9")
    assert caught.value.fields == {"repo_url": "is required"}


def test_an_error_that_is_no_json(server: ScriptedServer, client: ORCHEX) -> None:
    server.answers = [Reply(404, b"nginx", {"Content-Type": "text/html"})]
    with pytest.raises(NotFoundError) as caught:
        client.system.health()
    assert caught.value.body == "nginx"


# --- retries ---------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [refusal(503, "X"), refusal(500, "X"), ConnectionReset])
def test_what_passes_by_itself_is_tried_again(
    server: ScriptedServer, client: ORCHEX, answer: Any
) -> None:
    server.answers = [answer, answer, orchex(SUBMITTED, 202)]
    task = client.tasks.submit(type="testing", description="x")
    assert task.task_id == "task_1"
    assert task.submitted.queue_position == 2
    first, *others = server.keys
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert others == [first, first]


def test_each_call_has_its_own_key(server: ScriptedServer, client: ORCHEX) -> None:
    server.answers = [orchex(SUBMITTED, 202)]
    client.tasks.submit(type="testing", description="x")
    client.tasks.submit(type="testing", description="x")
    assert len(set(server.keys)) == 2


def test_it_gives_up_after_so_many(server: ScriptedServer) -> None:
    server.answers = [refusal(503, "SERVICE_UNAVAILABLE")]
    with (
        ORCHEX("key", base_url=server.url, max_retries=2) as client,
        pytest.raises(ServerError, match="SERVICE_UNAVAILABLE"),
    ):
        client.system.health()
    assert len(server.requests) == 3


def test_retry_after_is_honoured(
    server: ScriptedServer, client: ORCHEX, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(client._io, "sleep", pauses.append)
    limited = refusal(429, "RATE_LIMIT_EXCEEDED", {"Retry-After": "7"})
    server.answers = [limited, orchex(HEALTH)]
    client.system.health()
    assert pauses == [7.0]


def test_a_date_to_retry_after(server: ScriptedServer, client: ORCHEX) -> None:
    past = {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}
    server.answers = [refusal(503, "X", past), orchex(HEALTH)]
    assert client.system.health().status == "healthy"


def test_nobody_waits_for_an_hour(server: ScriptedServer, client: ORCHEX) -> None:
    server.answers = [
        refusal(429, "RATE_LIMIT_EXCEEDED", {"X-RateLimit-Retry-After": "3600"}, retry_after=3600)
    ]
    with pytest.raises(RateLimitError) as caught:
        client.system.health()
    assert caught.value.retry_after == 3600
    assert len(server.requests) == 1


def test_a_first_request_that_is_still_at_work_is_waited_for(
    server: ScriptedServer, client: ORCHEX
) -> None:
    busy = refusal(409, "CONFLICT", reason="idempotency_in_flight")
    server.answers = [busy, orchex(SUBMITTED, 202)]
    assert client.tasks.submit(type="testing", description="x").task_id == "task_1"


def test_no_server_is_told() -> None:
    with ScriptedServer(orchex(HEALTH)) as gone:
        url = gone.url
    with (
        ORCHEX("key", base_url=url, max_retries=1) as client,
        pytest.raises(APIConnectionError, match=url),
    ):
        client.system.health()


def test_a_server_that_says_nothing(server: ScriptedServer) -> None:

    def silent(_: Request) -> Reply:
        server.closing.wait()
        return orchex(HEALTH)

    server.answers = [silent]
    with (
        ORCHEX("key", base_url=server.url, timeout=0.05, max_retries=1) as client,
        pytest.raises(APITimeoutError),
    ):
        client.system.health()
    assert len(server.requests) == 2


async def test_the_asynchronous_client_does_the_same(server: ScriptedServer) -> None:
    server.answers = [refusal(503, "X"), ConnectionReset, orchex(SUBMITTED, 202)]
    async with AsyncORCHEX("key", base_url=server.url) as client:
        task = await client.tasks.submit(type="testing", description="x")
        assert task.task_id == "task_1"
        assert len(set(server.keys)) == 1
        server.answers = [refusal(404, "NOT_FOUND")]
        with pytest.raises(NotFoundError):
            await client.tasks.get("task_2")


def test_backoff_grows_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_retry, "FIRST_PAUSE", 0.5)
    for number, longest in enumerate((0.5, 1, 2, 4, 8, 8, 8), 1):
        assert 0.75 * longest <= _retry.backoff(number) <= longest


# --- pages -----------------------------------------------------------------------------------


def _agents(request: Any) -> Reply:
    offset, limit = int(request.query.get("offset", 0)), int(request.query["limit"])
    health, performance = {"status": "healthy"}, {"success_rate": None}
    agents = [
        {
            "agent_id": f"a{number}",
            "name": "A",
            "provider": "openai",
            "status": "active",
            "health": health,
            "performance": performance,
        }
        for number in range(offset, min(offset + limit, 5))
    ]
    return orchex({"agents": agents, "total": 5, "limit": limit, "offset": offset})


def test_a_list_asks_for_its_pages_as_it_goes(server: ScriptedServer, client: ORCHEX) -> None:
    server.answers = [_agents]
    agents = client.agents.list(provider="openai", limit=2)
    assert server.requests == []
    assert next(iter(agents)).agent_id == "a0"
    assert len(server.requests) == 1
    assert [agent.agent_id for agent in agents] == ["a0", "a1", "a2", "a3", "a4"]
    assert [request.query["provider"] for request in server.requests] == ["openai"] * 4
    page = agents.first()
    assert (len(page.items), page.total) == (2, 5)


async def test_pages_of_the_asynchronous_client(server: ScriptedServer) -> None:
    server.answers = [_agents]
    async with AsyncORCHEX("key", base_url=server.url) as client:
        assert [agent.agent_id async for agent in client.agents.list(limit=3)] == [
            "a0",
            "a1",
            "a2",
            "a3",
            "a4",
        ]
