"""Webhooks and their deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from lemnos_sdk._model import model


@model
class Webhook:
    """Where events are sent. ``off_reason``: why the server has switched it off."""

    webhook_id: str
    url: str
    events: Sequence[str]
    active: bool
    off_reason: str | None = None
    previous_secret_until: str | None = None
    created_at: str = ""
    updated_at: str = ""


@model
class IssuedWebhook(Webhook):
    """A webhook with its new secret, shown this once; None where the caller gave it."""

    secret: str | None = field(default=None, repr=False)


@model
class DeliveryAttempt:
    """One try of a delivery; ``status`` is 0 when there was no answer."""

    number: int
    status: int
    problem: str = ""
    duration_ms: float = 0.0
    at: str = ""


@model
class Delivery:
    """An event that was sent, or will be: ``pending``, ``delivered`` or ``failed``."""

    delivery_id: str
    webhook_id: str
    event: str
    state: str
    created_at: str = ""
    next_attempt_at: str | None = None
    attempts: Sequence[DeliveryAttempt] = ()


@model
class Redelivering:
    """A delivery that goes out again."""

    delivery_id: str
    state: str
