"""Where a delivery goes and with what it is signed: decided anew for each attempt."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lemnos.kernel import clock
from lemnos.platform.db import Tx
from lemnos.platform.secrets import SecretUnreadable, Vault
from lemnos.platform.webhooks.endpoint import PATIENCE, TEST, Endpoint
from lemnos.platform.webhooks.endpoint_store import EndpointStore
from lemnos.platform.webhooks.model import Delivery, hopeless, landed
from lemnos.platform.webhooks.port import Answer
from lemnos.platform.webhooks.signing import plain_signature, standard_headers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Destination:
    """An address, and the headers with their signatures."""

    url: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Nowhere:
    """There is no address any more; the reason is for people."""

    reason: str


class Destinations:
    """Knows callbacks, which bring their address and secret along, and registered endpoints."""

    def __init__(self, endpoints: EndpointStore, vault: Vault) -> None:
        self._endpoints = endpoints
        self._vault = vault

    async def of(self, delivery: Delivery, now: int) -> Destination | Nowhere:
        """The destination of a delivery at this time."""
        try:
            return await self._of(delivery, now)
        except SecretUnreadable as error:
            return Nowhere(error.message)

    async def _of(self, delivery: Delivery, now: int) -> Destination | Nowhere:
        if delivery.sealed:
            return self._callback(delivery, now)
        endpoint = await self._endpoints.get(delivery.tenant, delivery.endpoint)
        if endpoint is None:
            return Nowhere("The endpoint was deleted.")
        if not endpoint.active and delivery.event != TEST:
            return Nowhere("The endpoint is switched off.")
        return self._registered(delivery, endpoint, now)

    async def noted(self, tx: Tx, delivery: Delivery, answer: Answer) -> None:
        """Keep what an answer says of its endpoint: well again, failing, or to be switched off."""
        if delivery.sealed:
            return
        endpoint = await self._endpoints.lock(tx, delivery.tenant, delivery.endpoint)
        if endpoint is None or (not endpoint.active and not landed(answer)):
            return
        now = clock.now()
        judged = _judged(endpoint, answer, now)
        if judged == endpoint:
            return
        await self._endpoints.save(tx, judged)
        if landed(answer) or not judged.active:
            await self._endpoints.hurry(tx, endpoint.id, now)

    def _callback(self, delivery: Delivery, now: int) -> Destination:
        secret = self._vault.open(delivery.tenant, callback_name(delivery.id), delivery.sealed)
        signed = standard_headers(delivery.id, delivery.body, (secret,), now)
        return Destination(delivery.url, {**delivery.headers, **signed})

    def _registered(self, delivery: Delivery, endpoint: Endpoint, now: int) -> Destination:
        secrets = self._secrets(endpoint, now)
        headers = {
            "Content-Type": "application/json",
            "X-ORCHEX-Event": delivery.event,
            "X-ORCHEX-Delivery": delivery.id,
            "X-ORCHEX-Signature": plain_signature(delivery.body, secrets),
        }
        signed = standard_headers(delivery.id, delivery.body, secrets, now)
        return Destination(endpoint.url, {**headers, **signed})

    def _secrets(self, endpoint: Endpoint, now: int) -> tuple[bytes, ...]:
        """The secrets that sign now, the newest first."""
        sealed = [endpoint.sealed]
        if endpoint.previous is not None and now < (endpoint.previous_until or 0):
            sealed.append(endpoint.previous)
        name = endpoint_name(endpoint.id)
        return tuple(self._vault.open(endpoint.tenant, name, each) for each in sealed)


def callback_name(delivery_id: str) -> str:
    """The place to which the secret of a delivery of its own is bound."""
    return f"webhook-delivery/{delivery_id}"


def endpoint_name(endpoint_id: str) -> str:
    """The place to which an endpoint's secrets are bound."""
    return f"webhook-endpoint/{endpoint_id}"


def _judged(endpoint: Endpoint, answer: Answer, now: int) -> Endpoint:
    """The endpoint after an answer of it."""
    if landed(answer):
        return replace(endpoint, failing_since=None)
    since = endpoint.failing_since or now
    if hopeless(answer):
        return _off(endpoint, since, "It answered 410 Gone.")
    if now - since >= PATIENCE:
        said = answer.problem or f"answered {answer.status}"
        return _off(endpoint, since, f"Nothing has landed since {clock.iso(since)}: {said}")
    return replace(endpoint, failing_since=since)


def _off(endpoint: Endpoint, since: int, reason: str) -> Endpoint:
    log.warning("the webhook endpoint %s is switched off: %s", endpoint.id, reason)
    return replace(endpoint, active=False, failing_since=since, off_reason=reason)
