"""Webhooks: where the events of ORCHEX are sent. To verify one, see :mod:`lemnos_sdk.webhooks`."""

from __future__ import annotations

from collections.abc import Sequence

from lemnos_sdk._call import IO, Call, Resource, given, operation, path
from lemnos_sdk._model import nothing
from lemnos_sdk._pages import Pages
from lemnos_sdk.orchex._orchex import get, listing, post, put
from lemnos_sdk.orchex.models import Webhook

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
    ) -> Call[Webhook]:
        """Send events to a URL, signed with the secret."""
        return post(ROOT, Webhook, given(url=url, events=events, secret=secret, active=active))

    def list(self, *, limit: int | None = None) -> Pages[Webhook, IO]:
        """The webhooks."""
        return Pages(self._io, listing(ROOT, "webhooks", Webhook, limit=limit))

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
        active: bool | None = None,
    ) -> Call[Webhook]:
        """Change what is given."""
        return put(path(ROOT, webhook_id), Webhook, given(url=url, events=events, active=active))

    @operation
    def delete(self, webhook_id: str) -> Call[None]:
        """Send nothing more."""
        return Call("DELETE", path(ROOT, webhook_id), nothing)
