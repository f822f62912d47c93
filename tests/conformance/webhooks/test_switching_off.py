"""Endpoints that are gone or fail for days are switched off, with the reason kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from lemnos.kernel import clock
from lemnos.platform.webhooks.endpoint import PATIENCE, Endpoint, EndpointPatch
from lemnos.platform.webhooks.model import State
from tests.conformance.webhooks.node import Node, owner
from tests.support.sink import WebhookSink


async def failing_for(node: Node, endpoint: Endpoint, microseconds: int) -> None:
    since = replace(endpoint, failing_since=clock.now() - microseconds)
    await node.db.write(lambda tx: node.endpoint_store.save(tx, since))


async def test_one_that_answers_410_is_switched_off_and_what_waits_is_given_up(
    node: Node, sink: WebhookSink
):
    sink.respond(503, 410)
    endpoint = await node.create(sink.url)
    await node.announce(number=1)
    [first] = await node.deliveries(endpoint)
    await node.attempted(first.id)
    await asyncio.sleep(0.002)  # ids are ordered by the millisecond
    await node.announce(number=2)
    again = EndpointPatch(url=endpoint.url)  # a change lets the first be tried at once
    await node.db.write(lambda tx: node.endpoints.update(tx, owner(), endpoint.id, again))
    ended = await node.settled(endpoint, 2)
    assert [delivery.state for delivery in ended] == [State.FAILED, State.FAILED]
    assert len(sink.requests) == 2, "what waited behind it is not sent"
    found = await node.endpoints.get(owner(), endpoint.id)
    assert not found.active
    assert "410" in found.off_reason
    [attempt] = await node.webhooks.attempts(owner(), ended[1].id)
    assert "switched off" in attempt.problem
    await node.announce(number=3)
    assert len(await node.deliveries(endpoint)) == 2


async def test_one_that_has_failed_for_days_is_switched_off(node: Node, sink: WebhookSink):
    sink.respond(500)
    endpoint = await node.create(sink.url)
    await failing_for(node, endpoint, PATIENCE)
    await node.announce()
    await node.settled(endpoint)
    found = await node.endpoints.get(owner(), endpoint.id)
    assert not found.active
    assert "answered 500" in found.off_reason


async def test_a_failure_of_today_is_only_noted_and_success_forgets_it(
    node: Node, sink: WebhookSink
):
    sink.respond(500)
    endpoint = await node.create(sink.url)
    await node.announce()
    [delivery] = await node.deliveries(endpoint)
    await node.attempted(delivery.id)
    found = await node.endpoints.get(owner(), endpoint.id)
    assert found.active
    assert found.failing_since is not None
    patch = EndpointPatch(url=endpoint.url)
    await node.db.write(lambda tx: node.endpoints.update(tx, owner(), endpoint.id, patch))
    await node.settled(endpoint)
    assert (await node.endpoints.get(owner(), endpoint.id)).failing_since is None


async def test_switching_it_on_again_forgets_why_it_was_off(node: Node, sink: WebhookSink):
    sink.respond(410)
    endpoint = await node.create(sink.url)
    await node.announce()
    await node.settled(endpoint)
    on = EndpointPatch(active=True)
    changed = await node.db.write(lambda tx: node.endpoints.update(tx, owner(), endpoint.id, on))
    assert (changed.active, changed.off_reason, changed.failing_since) == (True, "", None)
    await asyncio.sleep(0.002)  # ids are ordered by the millisecond
    await node.announce()
    assert (await node.settled(endpoint, 2))[1].state is State.DELIVERED


async def test_a_deleted_one_gets_nothing_more(node: Node, sink: WebhookSink):
    sink.respond(503)
    endpoint = await node.create(sink.url)
    await node.announce()
    [delivery] = await node.deliveries(endpoint)
    await node.attempted(delivery.id)
    await node.db.write(lambda tx: node.endpoints.delete(tx, owner(), endpoint.id))
    [ended] = await node.settled(endpoint)
    assert ended.state is State.FAILED
    assert len(sink.requests) == 1
    attempts = await node.webhooks.attempts(owner(), delivery.id)
    assert "deleted" in attempts[-1].problem
