"""Deliveries, their attempts, and the rule of when to try again. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from standardwebhooks import Webhook

from lemnos.platform.webhooks.port import Answer

# Seconds between tries, as the Standard Webhooks specification recommends: about 1.2 days in all.
SCHEDULE = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 14_400.0, 28_800.0, 57_600.0)


class State(StrEnum):
    """Where a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try and what came of it; ``at`` in microseconds."""

    number: int
    status: int
    problem: str
    duration_seconds: float
    at: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request that is to be made, or was."""

    id: str
    tenant: str
    endpoint: str
    url: str
    event: str
    body: bytes
    headers: Mapping[str, str]
    sealed: bytes = field(repr=False)
    state: State
    attempts: int
    next_at: int
    created_at: int
    ended_at: int | None


def landed(answer: Answer) -> bool:
    """Whether the endpoint took it."""
    return 200 <= answer.status < 300


def hopeless(answer: Answer) -> bool:
    """Whether the endpoint said that it wants no more (410 Gone)."""
    return answer.status == 410


def delay(failed: int, answer: Answer) -> float | None:
    """Seconds until the next try after so many failed ones; None when there is none."""
    if failed > len(SCHEDULE) or hopeless(answer):
        return None
    wished = min(answer.retry_after or 0.0, SCHEDULE[-1])  # an endpoint may wish for any time
    return max(SCHEDULE[failed - 1], wished)


def standard_headers(delivery_id: str, body: bytes, secret: bytes, now: int) -> dict[str, str]:
    """``webhook-id``, ``webhook-timestamp`` and ``webhook-signature`` (Standard Webhooks 1.0)."""
    moment = datetime.fromtimestamp(now // 1_000_000, UTC)
    signature = Webhook(_standard_key(secret)).sign(delivery_id, moment, body.decode())
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(now // 1_000_000),
        "webhook-signature": signature,
    }


def _standard_key(secret: bytes) -> bytes:
    """The key that a secret stands for: ``whsec_<base64>``, else the secret's own bytes."""
    text = secret.removeprefix(b"whsec_")
    if text == secret:
        return secret
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return secret
