"""Tiers, decisions, and the ports of limiters and of the store that nodes share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from lemnos.kernel import clock


@dataclass(frozen=True, slots=True)
class Tier:
    """``limit`` requests in ``period`` seconds on average, of which ``burst`` may come at once.

    ``interval`` is what one request takes of the rate, ``tolerance`` by how much a key may run
    ahead of it. Both are whole microseconds, as sums of floats would drift.
    """

    name: str
    limit: int
    period: float
    burst: int
    interval: int = field(init=False)
    tolerance: int = field(init=False)

    def __post_init__(self) -> None:
        """Work out once what every check needs."""
        interval = round(self.period * clock.SECOND / self.limit)
        object.__setattr__(self, "interval", interval)
        object.__setattr__(self, "tolerance", interval * self.burst)


STANDARD = Tier("standard", 1000, 60.0, 100)
TIERS: dict[str, Tier] = {
    "standard": STANDARD,
    "premium": Tier("premium", 5000, 60.0, 500),
    # Callers without a valid credential, by address: it also bounds guessing at credentials.
    "anonymous": Tier("anonymous", 100, 60.0, 50),
}


class Decision(NamedTuple):
    """What a limiter says to one request.

    ``remaining`` requests could follow at once. At ``reset_at`` (Unix time, seconds) the whole
    burst is there again, if none follows. ``retry_after`` in seconds, 0 if this one is allowed.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_at: float
    retry_after: float


class Limiter(Protocol):
    """Decides without waiting."""

    def check(self, key: str, tier: str) -> Decision:
        """Count one request of a key and decide. A tier that is not known is ``standard``."""
        ...


class Lease(NamedTuple):
    """``granted`` requests, counted in the store already.

    ``ahead``: microseconds by which the key now runs ahead of its rate.
    """

    granted: int
    ahead: int


class LeaseStore(Protocol):
    """What nodes share: how far each key runs ahead of its rate."""

    async def take(self, key: str, tier: Tier, spent: int, wanted: int) -> Lease:
        """Count ``spent`` requests whatever the rate, and up to ``wanted`` that it allows.

        Raises ``Unavailable``.
        """
        ...
