"""The webhook outbox: a delivery is stored with the fact that it tells, then sent until it lands.

Deliveries to one endpoint go out in the order in which they were stored. A restart loses none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from lemnos.platform.db import Tx


class Event(StrEnum):
    """What an endpoint can subscribe to."""

    TASK_CREATED = "task.created"
    TASK_STARTED = "task.started"
    TASK_COMPLETED = "task.completed"
    TASK_FAILED = "task.failed"
    TASK_CANCELLED = "task.cancelled"
    TASK_AWAITING_DECISION = "task.awaiting_decision"
    ANALYSIS_COMPLETED = "analysis.completed"
    REFACTORING_APPLIED = "refactoring.applied"


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A request to make. ``endpoint`` is what keeps order: a webhook's id, or a task's id.

    ``secret`` signs the body; it is sealed in the store and never sent. ``headers`` are the
    dialect's own, beside the signatures, which are added to each attempt.
    """

    tenant: str
    endpoint: str
    url: str
    event: str
    body: bytes
    secret: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint said. ``status`` is 0 when there was no answer; ``problem`` says why."""

    status: int
    problem: str = ""
    retry_after: float | None = None
    duration_seconds: float = 0.0


class Sender(Protocol):
    """Makes the request; it refuses private networks at connect time, and follows no redirect."""

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> Answer:
        """Never raises for what the network or the endpoint does."""
        ...


class Outbox(Protocol):
    """Where domains put what is to be sent."""

    async def put(self, tx: Tx, delivery: NewDelivery) -> str:
        """Store in the caller's transaction; the id of the delivery."""
        ...


class Announcer(Protocol):
    """Tells a tenant's endpoints what has happened."""

    async def announce(self, tx: Tx, tenant: str, event: str, data: Mapping[str, object]) -> None:
        """Store one delivery for each active endpoint that is subscribed to the event.

        In the caller's transaction, so that it is told if and only if it happened. ``data`` is
        what ORCHEX shows of the thing, as JSON can hold it. Cheap where nobody listens. The body
        is ``{"event", "timestamp", "data"}``.
        """
        ...
