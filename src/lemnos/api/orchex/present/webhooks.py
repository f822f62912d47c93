"""Endpoints and their deliveries."""

from __future__ import annotations

from collections.abc import Sequence

from lemnos.api.orchex.envelope import Json
from lemnos.api.orchex.wire import webhooks as wire
from lemnos.kernel.clock import iso, iso_or_none
from lemnos.platform.webhooks.endpoint import Endpoint, EndpointPatch, Issued, NewEndpoint
from lemnos.platform.webhooks.model import Attempt, Delivery, State


def new_endpoint(body: wire.CreateWebhook) -> NewEndpoint:
    """An endpoint as it is asked for."""
    return NewEndpoint(body.url, tuple(body.events), body.secret or "", body.active)


def patch(body: wire.UpdateWebhook) -> EndpointPatch:
    """What is to change."""
    events = None if body.events is None else tuple(body.events)
    return EndpointPatch(body.url, events, body.secret, body.active)


def webhook(endpoint: Endpoint) -> Json:
    """An endpoint without its secret."""
    return {
        "webhook_id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.events),
        "active": endpoint.active,
        "off_reason": endpoint.off_reason or None,
        "previous_secret_until": iso_or_none(endpoint.previous_until),
        "created_at": iso(endpoint.created_at),
        "updated_at": iso(endpoint.updated_at),
    }


def issued(made: Issued) -> Json:
    """An endpoint with the secret that was made for it, which is shown this once."""
    return {**webhook(made.endpoint), "secret": made.secret}


def page(found: Sequence[Endpoint]) -> Json:
    """The tenant's endpoints."""
    return {"webhooks": [webhook(one) for one in found], "total": len(found)}


def delivery(found: Delivery, attempts: Sequence[Attempt]) -> Json:
    """An event that was sent, or will be."""
    pending = found.state is State.PENDING
    return {
        "delivery_id": found.id,
        "webhook_id": found.endpoint,
        "event": found.event,
        "state": found.state.value,
        "created_at": iso(found.created_at),
        "next_attempt_at": iso(found.next_at) if pending else None,
        "attempts": [_attempt(one) for one in attempts],
    }


def _attempt(one: Attempt) -> Json:
    return {
        "number": one.number,
        "status": one.status,
        "problem": one.problem,
        "duration_ms": round(one.duration_seconds * 1000, 1),
        "at": iso(one.at),
    }
