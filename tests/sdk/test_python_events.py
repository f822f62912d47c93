"""The Python SDK's event streams, waits and webhook signatures, against a scripted server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from standardwebhooks import Webhook

from lemnos_sdk import (
    ORCHEX,
    APIConnectionError,
    AsyncORCHEX,
    NotFoundError,
    ResponseError,
    TaskAwaitingDecisionError,
    TaskCancelledError,
    TaskFailedError,
    WaitTimeoutError,
    WebhookVerificationError,
    _retry,
    webhooks,
)
from lemnos_sdk._sse import Decoder, Frame
from tests.sdk.scripted import (
    CONNECTED,
    DONE,
    ScriptedServer,
    cut_stream,
    frame,
    orchex,
    refusal,
    stream,
)
from tests.support.loopback import ConnectionReset, Reply, Request

COMPLETED = {"task_id": "task_1", "status": "completed", "result": {"code": "x = 1"}}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_retry, "FIRST_PAUSE", 0.001)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(orchex({})) as running:
        yield running


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[ORCHEX]:
    with ORCHEX("key", base_url=server.url) as made:
        yield made


def resumed_after(server: ScriptedServer) -> list[str]:
    return [request.headers.get("last-event-id", "") for request in server.requests]


# --- the format ------------------------------------------------------------------------------


def test_frames_in_pieces_of_any_size() -> None:
    text = b": hello\n\n" + CONNECTED + frame(1) + b"id: 2\r\ndata: a\r\ndata: b\r\n\r\n" + DONE
    whole = list(Decoder().feed(text))
    assert whole[0] is None
    assert whole[3] == Frame("", "a\nb", "2")
    decoder = Decoder()
    assert [f for i in range(len(text)) for f in decoder.feed(text[i : i + 1])] == whole


def test_letters_that_other_readers_take_for_line_ends() -> None:
    said = "a\u2028b\x85c\x0bd"
    assert [f and f.data for f in Decoder().feed(f"data: {said}\n\n".encode())] == [said]


# --- streams ---------------------------------------------------------------------------------


def test_a_stream_that_is_cut_goes_on_where_it_was(server: ScriptedServer, client: ORCHEX) -> None:
    server.answers = [
        cut_stream(CONNECTED, frame(1), frame(2), b"id: 3\nda"),
        ConnectionReset,
        refusal(503, "SERVICE_UNAVAILABLE"),
        stream(CONNECTED, frame(3), b": keepalive\n\n"),
        stream(CONNECTED, frame(4), DONE),
    ]
    events = list(client.tasks.events("task_1"))
    assert [event.type for event in events] == ["connected", *["stream"] * 4, "done"]
    assert [event.id for event in events[1:-1]] == ["1", "2", "3", "4"]
    assert [event.data for event in events[1:3]] == [{"n": 1}, {"n": 2}]
    assert resumed_after(server) == ["", "2", "2", "2", "3"]


def test_a_stream_can_begin_in_the_middle(server: ScriptedServer, client: ORCHEX) -> None:
    server.answers = [stream(CONNECTED, frame(8), DONE)]
    events = client.tasks.events("task_1", after="7")
    assert [event.id for event in events if event.id] == ["8"]
    assert events.last_id == "8"
    assert resumed_after(server) == ["7"]


def test_a_stream_whose_server_is_gone(server: ScriptedServer) -> None:
    server.answers = [cut_stream(CONNECTED, frame(1)), ConnectionReset]
    with ORCHEX("key", base_url=server.url, max_retries=0) as client:
        events = client.tasks.events("task_1")
        with pytest.raises(APIConnectionError):
            list(events)
        assert events.last_id == "1"


def test_a_stream_outlives_a_server_that_is_away(server: ScriptedServer, client: ORCHEX) -> None:
    """More failures in a row than one request may have."""
    away = [ConnectionReset] * 6
    server.answers = [cut_stream(CONNECTED, frame(1)), *away, stream(CONNECTED, frame(2), DONE)]
    assert [event.id for event in client.tasks.events("task_1")] == ["", "1", "2", ""]
    server.answers = [ConnectionReset]
    server.requests.clear()
    with pytest.raises(APIConnectionError):
        list(client.tasks.events("task_1"))
    assert len(server.requests) == 9


def test_an_event_that_is_no_json(server: ScriptedServer, client: ORCHEX) -> None:
    server.answers = [stream(CONNECTED, b"data: <html>\n\n")]
    with pytest.raises(ResponseError):
        list(client.tasks.events("task_1"))


def test_a_stream_of_no_task(server: ScriptedServer, client: ORCHEX) -> None:
    server.answers = [refusal(404, "NOT_FOUND")]
    with pytest.raises(NotFoundError):
        list(client.tasks.events("task_1"))


async def test_streams_of_the_asynchronous_client(server: ScriptedServer) -> None:
    server.answers = [cut_stream(CONNECTED, frame(1)), stream(CONNECTED, frame(2), DONE)]
    async with AsyncORCHEX("key", base_url=server.url) as client:
        events = [event async for event in client.tasks.events("task_1")]
    assert [event.id for event in events] == ["", "1", "2", ""]
    assert resumed_after(server) == ["", "1"]


# --- waiting ---------------------------------------------------------------------------------


def paths(server: ScriptedServer) -> list[str]:
    return [request.path.removeprefix("/v1/tasks/task_1") for request in server.requests]


def test_a_wait_costs_one_stream_and_one_look(server: ScriptedServer, client: ORCHEX) -> None:
    server.answers = [stream(CONNECTED, frame(1), DONE), orchex(COMPLETED)]
    task = client.tasks.of("task_1")
    assert task.wait().code == "x = 1"
    assert task.status == "completed"
    assert paths(server) == ["/events", ""]


def test_without_a_stream_it_looks(
    server: ScriptedServer, client: ORCHEX, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = orchex({"task_id": "task_1", "status": "running"})
    pauses: list[float] = []
    monkeypatch.setattr(client._io, "sleep", pauses.append)
    server.answers = [refusal(404, "NOT_FOUND"), running, running, orchex(COMPLETED)]
    assert client.tasks.of("task_1").wait().code == "x = 1"
    assert pauses == [1.0, 2.0]


def test_a_wait_ends_in_time(server: ScriptedServer, client: ORCHEX) -> None:
    server.answers = [orchex({"task_id": "task_1", "status": "running"})]
    task = client.tasks.of("task_1")
    began = time.monotonic()
    with pytest.raises(WaitTimeoutError) as caught:
        task.wait(timeout=0.05)
    assert time.monotonic() - began >= 0.05
    assert isinstance(caught.value, TimeoutError)
    assert set(paths(server)) == {""}


def test_a_failure_brings_its_attempts(server: ScriptedServer, client: ORCHEX) -> None:
    error = {"code": "agent", "message": "it broke"}
    attempt = {"agent_id": "a", "number": 1, "tier": 0, "error": "it broke"}
    server.answers = [
        stream(DONE),
        orchex({"task_id": "task_1", "status": "failed", "error": error}),
        orchex({"task_id": "task_1", "attempts": [attempt]}),
    ]
    with pytest.raises(TaskFailedError, match="it broke") as caught:
        client.tasks.of("task_1").wait()
    assert [one.agent_id for one in caught.value.attempts] == ["a"]
    assert caught.value.task.status == "failed"


@pytest.mark.parametrize(
    ("status", "kind"),
    [("cancelled", TaskCancelledError), ("awaiting_decision", TaskAwaitingDecisionError)],
)
async def test_other_ends(server: ScriptedServer, status: str, kind: type[Exception]) -> None:
    server.answers = [stream(DONE), orchex({"task_id": "task_1", "status": status})]
    async with AsyncORCHEX("key", base_url=server.url) as client:
        with pytest.raises(kind):
            await client.tasks.of("task_1").wait()


def test_a_long_wait_leaves_the_stream_in_time(
    server: ScriptedServer, client: ORCHEX, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keep-alive is what it looks at its clock by, and the last seconds it spends looking."""

    def endless(_: Request) -> Reply:
        def pieces() -> Iterator[bytes]:
            yield CONNECTED
            while not server.closing.wait(0.02):
                yield b": keepalive\n\n"

        return Reply(200, pieces(), {"Content-Type": "text/event-stream"})

    monkeypatch.setattr("lemnos_sdk._waiting.KEEPALIVE", 0.1)
    server.answers = [endless, orchex({"task_id": "task_1", "status": "running"})]
    with pytest.raises(WaitTimeoutError):
        client.tasks.of("task_1").wait(timeout=0.3)
    assert paths(server)[0] == "/events"
    assert set(paths(server)[1:]) == {""}


# --- webhooks --------------------------------------------------------------------------------

BODY = json.dumps({"event": "task.completed", "data": {"task_id": "task_1"}}).encode()
KEY = "whsec_bWVyZWx5LWEtdGVzdC1rZXktb2YtdGhpcnR5LXR3bw=="


def signed(secret: str, body: bytes = BODY) -> dict[str, str]:
    """Headers as the specification's own library makes them."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": Webhook(secret).sign("msg_1", now, body.decode()),
    }


def test_a_standard_webhook() -> None:
    assert webhooks.verify(BODY, signed(KEY), KEY)["event"] == "task.completed"


def test_one_of_several_signatures_will_do() -> None:
    headers = signed(KEY)
    headers["Webhook-Signature"] = "v1,AAAA v1a,xyz " + headers["Webhook-Signature"]
    assert webhooks.verify(BODY, headers, KEY)


def test_githubs_form() -> None:
    import hashlib
    import hmac

    mac = hmac.new(b"secret", BODY, hashlib.sha256).hexdigest()
    assert webhooks.verify(BODY, {"X-Signature-256": f"sha256={mac}"}, "secret")
    assert webhooks.is_signed(BODY, f"sha256={mac}", "secret")


@pytest.mark.parametrize(
    ("body", "changed", "secret"),
    [
        (BODY + b" ", {}, KEY),
        (BODY, {}, "another secret"),
        (BODY, {"Webhook-Timestamp": "1000000000"}, KEY),
        (BODY, {"Webhook-Timestamp": "soon"}, KEY),
        (BODY, {"Webhook-Id": "msg_2"}, KEY),
        (BODY, {"Webhook-Signature": ""}, KEY),
    ],
)
def test_what_is_not_signed(body: bytes, changed: dict[str, str], secret: str) -> None:
    with pytest.raises(WebhookVerificationError):
        webhooks.verify(body, signed(KEY) | changed, secret)


def test_no_signature_at_all() -> None:
    with pytest.raises(WebhookVerificationError):
        webhooks.verify(BODY, {}, KEY)
