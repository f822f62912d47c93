"""Tiers, decisions, and the ports of limiters and of the store that nodes share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Tier:
    """``limit`` requests in ``period`` seconds on average, of which ``burst`` may come at once."""

    name: str
    limit: int
    period: float
    burst: int
    interval: float = field(init=False)  # seconds that one request takes of the rate
    tolerance: float = field(init=False)  # seconds by which requests may run ahead of the rate

    def __post_init__(self) -> None:
        """Work out once what every check needs."""
        object.__setattr__(self, "interval", self.period / self.limit)
        object.__setattr__(self, "tolerance", self.burst * self.period / self.limit)


TIERS: dict[str, Tier] = {
    "standard": Tier("standard", 1000, 60.0, 100),
    "premium": Tier("premium", 5000, 60.0, 500),
    # Callers without a credential, by address. It also bounds guessing at credentials.
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


class RateLimiter(Protocol):
    """``limiter.check(key, tier) or await limiter.ask(key, tier)`` is the whole use of it."""

    def check(self, key: str, tier: Tier) -> Decision | None:
        """Count one request and decide; None when the store that nodes share must be asked."""
        ...

    async def ask(self, key: str, tier: Tier) -> Decision:
        """Count one request and decide, asking the shared store if need be."""
        ...


class Lease(NamedTuple):
    """``granted`` requests, already counted in the store.

    ``ahead``: seconds by which the key runs ahead of its rate, what is granted included.
    """

    granted: int
    ahead: float


class LeaseStore(Protocol):
    """What nodes share: how far each key runs ahead of its rate."""

    async def take(self, key: str, tier: Tier, wanted: int) -> Lease:
        """Count up to ``wanted`` requests, as many as the rate allows. Raises ``Unavailable``."""
        ...
