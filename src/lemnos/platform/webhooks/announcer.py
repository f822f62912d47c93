"""Tells endpoints of events: one stored delivery for each that is subscribed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from lemnos.kernel import clock, ids
from lemnos.platform.db import Tx
from lemnos.platform.events.notifier import Notifier
from lemnos.platform.webhooks.endpoint import Endpoint
from lemnos.platform.webhooks.endpoint_store import EndpointStore
from lemnos.platform.webhooks.model import Delivery, State
from lemnos.platform.webhooks.store import DeliveryStore

_CHANGES = "webhook-endpoints"  # a wake-up on this name says that a tenant's endpoints changed


class EndpointAnnouncer:
    """Implements :class:`~lemnos.platform.webhooks.port.Announcer`.

    Endpoints are remembered, so that an event of which nobody wants to hear costs no query. What
    is remembered is dropped when an endpoint changes: at once on this node, on others with the
    next wake-up from it, and every ten seconds in case one was lost.
    """

    def __init__(
        self, endpoints: EndpointStore, deliveries: DeliveryStore, notifier: Notifier
    ) -> None:
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._notifier = notifier
        self._known: dict[str, tuple[Endpoint, ...]] = {}
        self._epoch = 0  # counts the changes, so that what was read before one is not kept
        self._unwatch: Callable[[], None] | None = None
        self.wake: Callable[[], None] = _nobody  # tells the dispatcher of this node

    async def announce(self, tx: Tx, tenant: str, event: str, data: Mapping[str, object]) -> None:
        """Store a delivery for each active endpoint that is subscribed to the event."""
        known = self._known.get(tenant)
        if known is None:
            known = await self._read(tx, tenant)
        for endpoint in known:
            if endpoint.hears(event):
                self.tell(tx, endpoint, event, data)

    def tell(self, tx: Tx, endpoint: Endpoint, event: str, data: Mapping[str, object]) -> str:
        """Store a delivery for one endpoint, whatever it is subscribed to; the delivery's id."""
        now = clock.now()
        content = {"event": event, "timestamp": clock.iso(now), "data": data}
        delivery = Delivery(
            id=ids.new_id("dlv"),
            tenant=endpoint.tenant,
            endpoint=endpoint.id,
            url=endpoint.url,
            event=event,
            body=msgspec.json.encode(content),
            headers={},
            sealed=b"",  # signed when it is sent, with the endpoint's secrets of that time
            state=State.PENDING,
            attempts=0,
            next_at=now,
            created_at=now,
            ended_at=None,
        )
        self._deliveries.add_later(tx, delivery)
        tx.after_commit(self.wake)
        return delivery.id

    def changed(self, tx: Tx) -> None:
        """Say that a tenant's endpoints are others once the transaction is durable."""
        tx.after_commit(lambda: self._notifier.wake(_CHANGES))
        tx.after_commit(self.wake)

    def remembers(self, tenant: str) -> bool:
        """Whether an event of the tenant costs no query now."""
        return tenant in self._known

    async def _read(self, tx: Tx, tenant: str) -> tuple[Endpoint, ...]:
        epoch, watching = self._epoch, self._unwatch is not None
        found = await self._endpoints.list(tenant, tx)

        def keep() -> None:
            if not watching:  # a change after the reading could have been missed
                self._watch()
            elif epoch == self._epoch:
                self._known[tenant] = found

        tx.after_commit(keep)
        return found

    def _watch(self) -> None:
        if self._unwatch is None:
            self._unwatch = self._notifier.watch(_CHANGES, self._forget)

    def _forget(self) -> None:
        self._epoch += 1
        self._known = {}


def _nobody() -> None:
    """Until a dispatcher runs, what is stored just waits."""
