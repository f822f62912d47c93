"""The outbox as domains see it, and the delivery log as people see it."""

from __future__ import annotations

from collections.abc import Callable

from lemnos.kernel import clock, ids
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Conflict, NotFound
from lemnos.platform.db import Tx
from lemnos.platform.secrets import Vault
from lemnos.platform.webhooks.destinations import callback_name
from lemnos.platform.webhooks.model import Attempt, Delivery, State
from lemnos.platform.webhooks.port import NewDelivery
from lemnos.platform.webhooks.store import DeliveryStore


class WebhookService:
    """Stores deliveries; ``wake`` tells the dispatcher of this node after a commit."""

    def __init__(self, store: DeliveryStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self.wake: Callable[[], None] = _nobody

    async def put(self, tx: Tx, new: NewDelivery) -> str:
        """Store a delivery in the caller's transaction; its id."""
        now = clock.now()
        delivery_id = ids.new_id("dlv")
        sealed = self._vault.seal(new.tenant, callback_name(delivery_id), new.secret)
        delivery = Delivery(
            delivery_id,
            new.tenant,
            new.endpoint,
            new.url,
            new.event,
            new.body,
            new.headers,
            sealed,
            State.PENDING,
            attempts=0,
            next_at=now,
            created_at=now,
            ended_at=None,
        )
        await self._store.add(tx, delivery)
        tx.after_commit(self.wake)
        return delivery_id

    async def deliveries(self, ctx: Context, endpoint: str, limit: int = 50) -> list[Delivery]:
        """The newest deliveries of an endpoint."""
        return await self._store.newest(ctx.tenant, endpoint, limit)

    async def attempts(self, ctx: Context, delivery_id: str) -> list[Attempt]:
        """What came of each try of a delivery."""
        await self._get(ctx, delivery_id)
        return await self._store.attempts(delivery_id)

    async def redeliver(self, tx: Tx, ctx: Context, delivery_id: str) -> Delivery:
        """Send it once more, whether it had landed or not; ``Conflict`` while it is pending."""
        delivery = await self._get(ctx, delivery_id)
        if delivery.state is State.PENDING:
            raise Conflict("The delivery is still being tried.", code="delivery_pending")
        await self._store.note(tx, delivery, None, State.PENDING, clock.now(), None)
        tx.after_commit(self.wake)
        return delivery

    async def _get(self, ctx: Context, delivery_id: str) -> Delivery:
        delivery = await self._store.get(delivery_id)
        if delivery is None or delivery.tenant != ctx.tenant:
            message = f"There is no delivery {delivery_id}."
            raise NotFound(message, code="delivery_not_found")
        return delivery


def _nobody() -> None:
    """Until a dispatcher runs, what is stored just waits."""
