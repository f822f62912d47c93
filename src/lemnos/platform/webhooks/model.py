"""Deliveries, their attempts, and the rule of when to try again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lemnos.kernel.clock import SECOND
from lemnos.platform.webhooks.port import Answer

# Seconds between tries, as the Standard Webhooks specification recommends: about 1.2 days in all.
SCHEDULE = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 14_400.0, 28_800.0, 57_600.0)


TIMEOUT = 10.0  # seconds for one request
CLAIM = 12 * SECOND  # over the time-out: by then the node that claimed a delivery has died


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
