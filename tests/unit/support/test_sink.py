"""The webhook sink."""

import httpx2
import pytest

from tests.support.sink import Response, WebhookSink, redirect


def test_responses_come_in_order_then_the_default(webhook_sink: WebhookSink) -> None:
    webhook_sink.respond(500, Response(429, headers={"Retry-After": "1"}))
    replies = [httpx2.post(webhook_sink.url, json={"n": n}) for n in range(3)]
    assert [reply.status_code for reply in replies] == [500, 429, 200]
    assert replies[1].headers["retry-after"] == "1"
    assert [request.json()["n"] for request in webhook_sink.wait_for(3)] == [0, 1, 2]


def test_redirect_reset_and_delay(webhook_sink: WebhookSink) -> None:
    webhook_sink.respond(
        redirect(webhook_sink.url + "/there"), Response(reset=True), Response(delay=60)
    )
    assert httpx2.post(webhook_sink.url).headers["location"].endswith("/there")
    with pytest.raises(httpx2.TransportError):
        httpx2.post(webhook_sink.url)
    with pytest.raises(httpx2.TimeoutException):
        httpx2.post(webhook_sink.url, timeout=0.2)


def test_waiting_in_vain_says_so(webhook_sink: WebhookSink) -> None:
    with pytest.raises(TimeoutError, match="there were 0 requests"):
        webhook_sink.wait_for(1, timeout=0.01)
