"""Webhooks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from lemnos.api.kit.fields import Request, Secret, Url
from lemnos.platform.webhooks.endpoint import LONGEST_OVERLAP, OVERLAP
from lemnos.platform.webhooks.port import Event

EventName = Annotated[Event, Field(strict=False)]
Events = Annotated[list[EventName], Field(min_length=1, max_length=20)]


class CreateWebhook(Request):
    """An endpoint to tell of events. Without a secret one is made, and shown in the answer."""

    url: Url
    events: Events
    secret: Secret | None = None
    active: bool = True


class UpdateWebhook(Request):
    """What changes; what is left out stays. A secret given here replaces the old one at once."""

    url: Url | None = None
    events: Events | None = None
    secret: Secret | None = None
    active: bool | None = None


class RotateSecret(Request):
    """A new secret, made here unless given. The old one signs too for ``overlap_seconds``."""

    secret: Secret | None = None
    overlap_seconds: Annotated[int, Field(ge=0, le=LONGEST_OVERLAP)] = OVERLAP


class Webhook(BaseModel):
    """An endpoint, without its secret. ``off_reason``: why the server has switched it off."""

    webhook_id: str
    url: str
    events: list[Event]
    active: bool
    off_reason: str | None
    previous_secret_until: str | None
    created_at: str
    updated_at: str


class WebhookIssued(Webhook):
    """An endpoint with a new secret: null if the caller gave it, else shown this once."""

    secret: str | None


class WebhookPage(BaseModel):
    """The tenant's endpoints, the newest first; there are at most 100."""

    webhooks: list[Webhook]
    total: int


class DeliveryAttempt(BaseModel):
    """One try of a delivery; ``status`` is 0 when there was no answer."""

    number: int
    status: int
    problem: str
    duration_ms: float
    at: str


class WebhookDelivery(BaseModel):
    """An event that was sent, or will be."""

    delivery_id: str
    webhook_id: str
    event: str
    state: Literal["pending", "delivered", "failed"]
    created_at: str
    next_attempt_at: str | None
    attempts: list[DeliveryAttempt]


class DeliveryPage(BaseModel):
    """Deliveries of an endpoint, the newest first."""

    webhook_id: str
    deliveries: list[WebhookDelivery]


class DeliveryAccepted(BaseModel):
    """A delivery that goes out now."""

    delivery_id: str
    state: Literal["pending"]
