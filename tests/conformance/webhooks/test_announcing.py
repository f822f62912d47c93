"""From a fact to a signed request: who is told, what is sent, and how it is signed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from lemnos.kernel import clock
from lemnos.platform.db import Database, Tx
from lemnos.platform.webhooks.endpoint import EndpointPatch
from lemnos.platform.webhooks.model import State
from tests.conformance.webhooks.node import SECRET, Node, owner
from tests.support.loopback import Request
from tests.support.sink import WebhookSink

NEW_SECRET = "whsec_bmV3LXNlY3JldC1mb3ItdGhlLXRlc3RzLg=="


async def received(sink: WebhookSink, count: int = 1) -> list[Request]:
    return await asyncio.to_thread(sink.wait_for, count)


def hmac_of(request: Request, secret: str) -> str:
    return f"sha256={hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()}"


def verifies(request: Request, secret: str) -> bool:
    """Whether a receiver that knows the secret accepts the request, by Standard Webhooks."""
    key = secret if secret.startswith("whsec_") else secret.encode()
    try:
        Webhook(key).verify(request.body, dict(request.headers))
    except WebhookVerificationError:
        return False
    return True


async def test_who_subscribed_is_told_as_documented_and_can_verify_both_ways(
    node: Node, sink: WebhookSink
):
    endpoint = await node.create(f"{sink.url}/hook?a=1", "task.completed")
    before = clock.now()
    await node.announce("task.completed", task_id="task_1", cost_usd=0.012)
    [delivery] = await node.settled(endpoint)
    assert delivery.state is State.DELIVERED
    [request] = sink.requests
    assert (request.method, request.target) == ("POST", "/hook?a=1")
    body = request.json()
    assert list(body) == ["event", "timestamp", "data"]
    assert body["event"] == "task.completed"
    assert body["data"] == {"task_id": "task_1", "cost_usd": 0.012}
    assert before <= clock.parse_iso(body["timestamp"]) <= clock.now()
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-orchex-event"] == "task.completed"
    assert request.headers["x-orchex-delivery"] == delivery.id == request.headers["webhook-id"]
    assert request.headers["x-orchex-signature"] == hmac_of(request, SECRET)
    assert verifies(request, SECRET)
    assert not verifies(request, "another_secret")
    assert SECRET not in json.dumps(dict(request.headers)) + request.body.decode()


async def test_only_active_endpoints_of_the_tenant_that_subscribed_are_told(
    node: Node, sink: WebhookSink
):
    told = await node.create(f"{sink.url}/told", "task.failed", "task.created")
    others = [
        await node.create(f"{sink.url}/no", "task.completed"),
        await node.create(f"{sink.url}/no", "task.failed", active=False),
        await node.create(f"{sink.url}/no", "task.failed", ctx=owner("other")),
    ]
    for _ in range(3):  # what is remembered of endpoints tells the same
        await node.announce("task.failed")
    await node.settled(told, 3)
    assert {request.path for request in sink.requests} == {"/told"}
    for other in others:
        assert await node.deliveries(other) == []


async def test_what_was_rolled_back_is_not_told(node: Node, sink: WebhookSink):
    endpoint = await node.create(sink.url)

    async def body(tx: Tx) -> None:
        await node.announcer.announce(tx, "acme", "task.completed", {})
        raise RuntimeError("the fact did not happen")

    with pytest.raises(RuntimeError):
        await node.db.write(body)
    assert await node.deliveries(endpoint) == []


async def test_each_change_counts_from_the_next_event_on(node: Node, sink: WebhookSink):
    """However warm the memory of endpoints is."""

    async def warm() -> None:
        for _ in range(3):
            await node.announce("task.created")

    await warm()
    endpoint = await node.create(sink.url, "task.completed")
    await node.announce()
    await node.settled(endpoint, 1)
    await warm()
    off = EndpointPatch(active=False)
    await node.db.write(lambda tx: node.endpoints.update(tx, owner(), endpoint.id, off))
    await node.announce()
    assert len(await node.deliveries(endpoint)) == 1
    await warm()
    on = EndpointPatch(active=True)
    await node.db.write(lambda tx: node.endpoints.update(tx, owner(), endpoint.id, on))
    await node.announce()
    await node.settled(endpoint, 2)
    await warm()
    await node.db.write(lambda tx: node.endpoints.delete(tx, owner(), endpoint.id))
    await node.announce()
    assert len(await node.deliveries(endpoint)) == 2


async def test_an_event_of_which_nobody_hears_costs_no_query(
    node: Node, monkeypatch: pytest.MonkeyPatch
):
    for _ in range(3):
        await node.announce()

    async def refuse(*_: object) -> None:
        raise AssertionError("endpoints were read again")

    monkeypatch.setattr(node.endpoint_store, "list", refuse)
    await node.announce()


async def test_both_secrets_sign_until_the_overlap_ends(node: Node, sink: WebhookSink):
    endpoint = await node.create(sink.url)
    issued = await node.db.write(
        lambda tx: node.endpoints.rotate(tx, owner(), endpoint.id, NEW_SECRET)
    )
    assert issued.secret is None
    await node.announce()
    await node.settled(endpoint, 1)
    [during] = sink.requests
    assert verifies(during, SECRET)
    assert verifies(during, NEW_SECRET)
    signatures = during.headers["x-orchex-signature"].split(",")
    assert signatures == [hmac_of(during, NEW_SECRET), hmac_of(during, SECRET)]
    await _let_overlap_pass(node.db, endpoint.id)
    await node.announce()
    await node.settled(endpoint, 2)
    after = sink.requests[1]
    assert verifies(after, NEW_SECRET)
    assert not verifies(after, SECRET)
    assert after.headers["x-orchex-signature"] == hmac_of(after, NEW_SECRET)


async def test_a_rotation_without_overlap_ends_the_old_secret_at_once(
    node: Node, sink: WebhookSink
):
    endpoint = await node.create(sink.url)
    issued = await node.db.write(
        lambda tx: node.endpoints.rotate(tx, owner(), endpoint.id, overlap_seconds=0)
    )
    assert issued.secret is not None
    await node.announce()
    [request] = await received(sink)
    assert verifies(request, issued.secret)
    assert not verifies(request, SECRET)


async def test_a_retry_is_signed_with_the_secrets_of_its_own_time(node: Node, sink: WebhookSink):
    sink.respond(503)
    endpoint = await node.create(sink.url)
    await node.announce()
    await received(sink, 1)
    [waiting] = await node.deliveries(endpoint)
    await node.attempted(waiting.id)
    patch = EndpointPatch(url=f"{sink.url}/moved", secret=NEW_SECRET)
    await node.db.write(lambda tx: node.endpoints.update(tx, owner(), endpoint.id, patch))
    await node.settled(endpoint)
    first, second = sink.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert second.path == "/moved"
    assert verifies(second, NEW_SECRET)
    assert not verifies(second, SECRET)


async def test_a_test_goes_to_any_endpoint_and_passes_what_waits(node: Node, sink: WebhookSink):
    sink.respond(500)
    endpoint = await node.create(sink.url, "analysis.completed")
    await node.announce("analysis.completed")
    await received(sink, 1)
    [waiting] = await node.deliveries(endpoint)
    await node.attempted(waiting.id)
    test_id = await node.db.write(lambda tx: node.endpoints.test(tx, owner(), endpoint.id))
    await node.settled(endpoint, 2)  # a test that lands brings back what waited
    requests = sink.requests
    assert [each.headers["x-orchex-event"] for each in requests] == [
        "analysis.completed",
        "webhook.test",
        "analysis.completed",
    ]
    assert requests[1].headers["x-orchex-delivery"] == test_id
    assert requests[1].json()["data"]["webhook_id"] == endpoint.id


async def _let_overlap_pass(db: Database, endpoint_id: str) -> None:
    """As if its time were over."""
    from sqlalchemy import update

    from lemnos.platform.db import Query
    from lemnos.platform.webhooks.tables import endpoints

    ended = Query(
        update(endpoints)
        .where(endpoints.c.id == endpoint_id)
        .values(previous_until=clock.now() - 1)
    )
    await db.write(lambda tx: tx.run(ended))
