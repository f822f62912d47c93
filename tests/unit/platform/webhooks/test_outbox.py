"""The outbox on both databases: order, schedule, redelivery, and what a crash leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import pytest
from standardwebhooks import Webhook

from lemnos.kernel import clock
from lemnos.kernel.clock import SECOND
from lemnos.kernel.context import system_context
from lemnos.kernel.errors import Conflict, NotFound
from lemnos.platform.db import Database
from lemnos.platform.secrets import Vault
from lemnos.platform.webhooks import Answer, NewDelivery
from lemnos.platform.webhooks.destinations import Destinations
from lemnos.platform.webhooks.dispatcher import Dispatcher
from lemnos.platform.webhooks.endpoint_store import EndpointStore
from lemnos.platform.webhooks.model import CLAIM, SCHEDULE, Delivery, State, delay
from lemnos.platform.webhooks.service import WebhookService
from lemnos.platform.webhooks.signing import standard_headers
from lemnos.platform.webhooks.store import DeliveryStore

CTX = system_context("acme", "test")
SECRET = b"whsec_c2VjcmV0LW9mLXRoZS10ZXN0cw=="


@dataclass
class Endpoint:
    """A sender that answers as it is told and keeps what it was sent."""

    answers: list[Answer] = field(default_factory=list)
    sent: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> Answer:
        self.sent.append((url, body, headers))
        if self.hold is not None:
            await self.hold.wait()
        return self.answers.pop(0) if self.answers else Answer(200)


@dataclass
class Outbox:
    """A service and a dispatcher on one database."""

    db: Database
    store: DeliveryStore
    service: WebhookService
    dispatcher: Dispatcher
    endpoint: Endpoint

    async def put(self, body: bytes = b"{}", to: str = "task:1", tenant: str = "acme") -> str:
        new = NewDelivery(tenant, to, "https://example.org/hook", "task.completed", body, SECRET)
        return await self.db.write(lambda tx: self.service.put(tx, new))

    async def get(self, delivery_id: str) -> Delivery:
        found = await self.store.get(delivery_id)
        assert found is not None
        return found

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def settled(self, delivery_id: str, attempts: int) -> Delivery:
        """The delivery once that many attempts are written down."""
        async with asyncio.timeout(20):
            while (found := await self.get(delivery_id)).attempts < attempts:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return found

    async def make_due(self, delivery_id: str) -> None:
        """Let the time pass until its next attempt."""
        delivery = await self.get(delivery_id)
        await self.db.write(
            lambda tx: self.store.note(tx, delivery, None, State.PENDING, clock.now(), None)
        )
        self.dispatcher.wake()


@pytest.fixture
async def outbox(database: Database) -> AsyncIterator[Outbox]:
    store, vault, endpoint = DeliveryStore(database), Vault(b"k" * 32), Endpoint()
    service = WebhookService(store, vault)
    destinations = Destinations(EndpointStore(database), vault)
    dispatcher = Dispatcher(database, store, destinations, endpoint)
    service.wake = dispatcher.wake
    made = Outbox(database, store, service, dispatcher, endpoint)
    await dispatcher.start()
    yield made
    if endpoint.hold is not None:
        endpoint.hold.set()
    await dispatcher.stop()


async def test_a_delivery_is_signed_both_ways_and_noted(outbox: Outbox):
    delivery = await outbox.settled(await outbox.put(b'{"a": 1}'), 1)
    assert delivery.state is State.DELIVERED
    [(url, body, headers)] = outbox.endpoint.sent
    assert (url, body) == ("https://example.org/hook", b'{"a": 1}')
    assert headers["webhook-id"] == delivery.id
    assert Webhook(SECRET.decode()).verify(body, dict(headers)) == {"a": 1}
    [attempt] = await outbox.service.attempts(CTX, delivery.id)
    assert (attempt.number, attempt.status) == (1, 200)


async def test_the_secret_is_not_stored_in_clear(outbox: Outbox):
    assert SECRET not in (await outbox.get(await outbox.put())).sealed


async def test_one_endpoint_s_deliveries_keep_their_order_and_others_do_not_wait(outbox: Outbox):
    """While the first is being retried, the second of its endpoint waits; another's goes out."""
    outbox.endpoint.answers = [Answer(503)]
    first = await outbox.put(b"1")
    await outbox.settled(first, 1)
    await asyncio.sleep(0.002)  # ids are ordered by the millisecond
    second, elsewhere = await outbox.put(b"2"), await outbox.put(b"3", to="task:2")
    await outbox.settled(elsewhere, 1)
    assert [body for _, body, _ in outbox.endpoint.sent] == [b"1", b"3"]
    assert (await outbox.get(second)).attempts == 0
    await outbox.make_due(first)
    await outbox.settled(second, 1)
    assert [body for _, body, _ in outbox.endpoint.sent] == [b"1", b"3", b"1", b"2"]


async def test_what_waits_behind_another_does_not_keep_the_dispatcher_awake(outbox: Outbox):
    outbox.endpoint.answers = [Answer(503)]
    first = await outbox.put(b"1")
    await outbox.settled(first, 1)
    await asyncio.sleep(0.002)
    await outbox.put(b"2")
    assert await outbox.store.next_at() == (await outbox.get(first)).next_at


async def test_a_delivery_without_an_answer_is_tried_again_later(outbox: Outbox):
    outbox.endpoint.answers = [Answer(0, "connection refused")]
    before = clock.now()
    delivery = await outbox.settled(await outbox.put(), 1)
    assert delivery.state is State.PENDING
    assert delivery.next_at >= before + int(SCHEDULE[0]) * SECOND


async def test_gone_is_not_tried_again(outbox: Outbox):
    outbox.endpoint.answers = [Answer(410)]
    delivery = await outbox.settled(await outbox.put(), 1)
    assert delivery.state is State.FAILED


async def test_it_is_given_up_at_the_end_of_the_schedule(outbox: Outbox):
    outbox.endpoint.answers = [Answer(500)] * (len(SCHEDULE) + 1)
    delivery_id = await outbox.put()
    for number in range(1, len(SCHEDULE) + 1):
        assert (await outbox.settled(delivery_id, number)).state is State.PENDING
        await outbox.make_due(delivery_id)
    assert (await outbox.settled(delivery_id, len(SCHEDULE) + 1)).state is State.FAILED


def test_retry_after_is_honoured_when_it_is_longer_than_the_schedule():
    assert delay(1, Answer(429, retry_after=90.0)) == 90.0
    assert delay(3, Answer(429, retry_after=1.0)) == SCHEDULE[2]
    assert delay(1, Answer(429, retry_after=float("9" * 400))) == SCHEDULE[-1]
    assert delay(len(SCHEDULE) + 1, Answer(429, retry_after=1.0)) is None


async def test_what_has_landed_can_be_sent_again_and_keeps_its_id(outbox: Outbox):
    delivery_id = await outbox.put()
    await outbox.settled(delivery_id, 1)
    await outbox.db.write(lambda tx: outbox.service.redeliver(tx, CTX, delivery_id))
    outbox.dispatcher.wake()
    assert (await outbox.settled(delivery_id, 2)).state is State.DELIVERED
    assert {headers["webhook-id"] for _, _, headers in outbox.endpoint.sent} == {delivery_id}


async def test_what_is_being_tried_cannot(outbox: Outbox):
    outbox.endpoint.answers = [Answer(500)]
    delivery_id = await outbox.put()
    await outbox.settled(delivery_id, 1)
    with pytest.raises(Conflict):
        await outbox.db.write(lambda tx: outbox.service.redeliver(tx, CTX, delivery_id))


async def test_another_tenant_s_delivery_does_not_exist(outbox: Outbox):
    delivery_id = await outbox.put(tenant="other")
    with pytest.raises(NotFound):
        await outbox.service.attempts(CTX, delivery_id)


async def test_two_nodes_send_a_delivery_once(outbox: Outbox):
    outbox.endpoint.hold = asyncio.Event()
    destinations = Destinations(EndpointStore(outbox.db), Vault(b"k" * 32))
    other = Dispatcher(outbox.db, outbox.store, destinations, outbox.endpoint)
    await other.start()
    delivery_id = await outbox.put()
    outbox.dispatcher.wake()
    other.wake()
    await outbox.until(lambda: bool(outbox.endpoint.sent))
    outbox.endpoint.hold.set()
    await outbox.settled(delivery_id, 1)
    await other.stop()
    assert len(outbox.endpoint.sent) == 1


async def test_a_claim_of_a_process_that_died_is_void_after_a_while(outbox: Outbox):
    """Killed between the request and its note: it goes out once more, not before the claim ends."""
    await outbox.dispatcher.stop()
    delivery_id = await outbox.put()
    delivery, now = await outbox.get(delivery_id), clock.now()
    claimed = await outbox.db.write(lambda tx: outbox.store.claim(tx, delivery, now + CLAIM))
    assert claimed
    assert await outbox.store.due(now + CLAIM - SECOND, 10) == []
    [again] = await outbox.store.due(now + CLAIM, 10)
    assert (again.id, again.attempts) == (delivery_id, 0)
    stale = await outbox.db.write(lambda tx: outbox.store.claim(tx, delivery, now + CLAIM))
    assert not stale, "a claim is of what was seen"


async def test_old_deliveries_are_forgotten_all_of_them(outbox: Outbox):
    for number in range(7):
        await outbox.settled(await outbox.put(to=f"task:{number}"), 1)
    assert await outbox.store.prune(clock.now() + SECOND, limit=3) == 7
    assert await outbox.service.deliveries(CTX, "task:1") == []


def test_a_secret_that_is_not_base64_signs_with_its_own_bytes():
    headers = standard_headers("dlv_1", b"{}", (b"plain secret",), clock.now())
    assert Webhook(b"plain secret").verify(b"{}", headers) == {}
