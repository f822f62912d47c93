"""What of a server concerns webhooks, put together as the foundation does it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from lemnos.adapters.net import NetGuard
from lemnos.adapters.net.webhooks import HttpSender
from lemnos.kernel.context import Context, Principal
from lemnos.platform.db import Database
from lemnos.platform.events.notifier import Broadcast, Notifier
from lemnos.platform.secrets import Vault
from lemnos.platform.webhooks.announcer import EndpointAnnouncer
from lemnos.platform.webhooks.destinations import Destinations
from lemnos.platform.webhooks.dispatcher import Dispatcher
from lemnos.platform.webhooks.endpoint import Endpoint, NewEndpoint
from lemnos.platform.webhooks.endpoint_store import EndpointStore
from lemnos.platform.webhooks.endpoints import EndpointService
from lemnos.platform.webhooks.model import Delivery, State
from lemnos.platform.webhooks.service import WebhookService
from lemnos.platform.webhooks.store import DeliveryStore

SECRET = "webhook_secret"
PATIENCE = 20.0  # seconds for what must come


def owner(tenant: str = "acme") -> Context:
    return Context(Principal(tenant, "ada", ("owner",), frozenset({"*"})), "req-1")


class Node:
    """One node: its services, on a database that others may share."""

    def __init__(self, db: Database, broadcast: Broadcast | None = None) -> None:
        vault, guard = Vault(bytes(range(32))), NetGuard(("127.0.0.1",))
        self.db = db
        self.notifier = Notifier(broadcast, poll=3600)  # only wake-ups of changes count here
        self.endpoint_store, self.delivery_store = EndpointStore(db), DeliveryStore(db)
        self.webhooks = WebhookService(self.delivery_store, vault)
        self.announcer = EndpointAnnouncer(self.endpoint_store, self.delivery_store, self.notifier)
        check = partial(guard.check_url, field="url")
        self.endpoints = EndpointService(self.endpoint_store, self.announcer, vault, check)
        self.sender = HttpSender(guard)
        destinations = Destinations(self.endpoint_store, vault)
        self.dispatcher = Dispatcher(db, self.delivery_store, destinations, self.sender)
        self.webhooks.wake = self.announcer.wake = self.dispatcher.wake

    async def create(
        self,
        url: str,
        *events: str,
        secret: str = SECRET,
        active: bool = True,
        ctx: Context | None = None,
    ) -> Endpoint:
        new = NewEndpoint(url, events or ("task.completed",), secret, active)
        by = ctx or owner()
        return (await self.db.write(lambda tx: self.endpoints.create(tx, by, new))).endpoint

    async def announce(self, event: str = "task.completed", tenant: str = "acme", **data: object):
        await self.db.write(lambda tx: self.announcer.announce(tx, tenant, event, data))

    async def deliveries(self, endpoint: Endpoint) -> list[Delivery]:
        return await self.webhooks.deliveries(owner(endpoint.tenant), endpoint.id)

    async def settled(self, endpoint: Endpoint, count: int = 1) -> list[Delivery]:
        """The endpoint's deliveries, the oldest first, once so many have ended."""

        async def ended() -> list[Delivery]:
            found = await self.deliveries(endpoint)
            return [one for one in reversed(found) if one.state is not State.PENDING]

        async with asyncio.timeout(PATIENCE):
            while len(found := await ended()) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return found

    async def attempted(self, delivery_id: str, count: int = 1) -> Delivery:
        """A delivery once so many attempts are written down."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.delivery_store.get(delivery_id)
                if found is not None and found.attempts >= count:
                    return found
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(node: Node) -> AsyncIterator[Node]:
    await node.notifier.start()
    await node.dispatcher.start()
    try:
        yield node
    finally:
        await node.dispatcher.stop()
        await node.notifier.stop()
        await node.sender.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for is in a server's thread
            await asyncio.sleep(0.01)
