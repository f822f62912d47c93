"""Webhooks: where the events of ORCHEX are sent. To verify one, see :mod:`lemnos_sdk.webhooks`."""

from __future__ import annotations

from collections.abc import Sequence

from lemnos_sdk._call import IO, Call, Resource, given, operation, path
from lemnos_sdk._model import nothing, reader
from lemnos_sdk.orchex._orchex import get, post, put
from lemnos_sdk.orchex.models import Delivery, IssuedWebhook, Redelivering, Webhook

ROOT = "/v1/webhooks"


class Webhooks(Resource[IO]):
    """``client.webhooks``."""

    @operation
    def create(
        self,
        *,
        url: str,
        events: Sequence[str],
        secret: str | None = None,
        active: bool | None = None,
    ) -> Call[IssuedWebhook]:
        """Send events to a URL. Without a secret one is made, and told this once."""
        return post(
            ROOT, IssuedWebhook, given(url=url, events=events, secret=secret, active=active)
        )

    @operation
    def list(self) -> Call[Sequence[Webhook]]:
        """The webhooks, the newest first."""
        return Call("GET", ROOT, reader(list[Webhook], "data", "webhooks"))

    @operation
    def get(self, webhook_id: str) -> Call[Webhook]:
        """One webhook."""
        return get(path(ROOT, webhook_id), Webhook)

    @operation
    def update(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        secret: str | None = None,
        active: bool | None = None,
    ) -> Call[Webhook]:
        """Change what is given. A new secret replaces the old one at once."""
        body = given(url=url, events=events, secret=secret, active=active)
        return put(path(ROOT, webhook_id), Webhook, body)

    @operation
    def delete(self, webhook_id: str) -> Call[None]:
        """Send nothing more."""
        return Call("DELETE", path(ROOT, webhook_id), nothing)

    @operation
    def rotate(
        self, webhook_id: str, *, secret: str | None = None, overlap_seconds: int | None = None
    ) -> Call[IssuedWebhook]:
        """Replace the secret; for the overlap, the old one signs too."""
        body = given(secret=secret, overlap_seconds=overlap_seconds)
        return post(path(ROOT, webhook_id, "rotate"), IssuedWebhook, body)

    @operation
    def test(self, webhook_id: str) -> Call[Redelivering]:
        """Send a test event."""
        return post(path(ROOT, webhook_id, "test"), Redelivering)

    @operation
    def deliveries(self, webhook_id: str) -> Call[Sequence[Delivery]]:
        """What was sent, the newest first, with each attempt."""
        where = path(ROOT, webhook_id, "deliveries")
        return Call("GET", where, reader(list[Delivery], "data", "deliveries"))

    @operation
    def redeliver(self, delivery_id: str) -> Call[Redelivering]:
        """Send something again."""
        return post(path(ROOT, "deliveries", delivery_id, "redeliver"), Redelivering)
