"""Tiers, decisions, and the ports of limiters and of the store that nodes share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple, Protocol

from lemnos.kernel import clock
from lemnos.kernel.errors import RateLimited


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

    def refusal(self) -> RateLimited:
        """What a caller is told whose request is not allowed."""
        wait = max(1, ceil(self.retry_after))
        return RateLimited(
            f"Too many requests: the next one is welcome in {wait} s.",
            code="rate_limit_exceeded",
            details={"retry_after": wait, "limit": self.limit, "remaining": self.remaining},
            retry_after=self.retry_after,
        )


class Limiter(Protocol):
    """Decides without waiting."""

    def check(self, key: str, tier: str) -> Decision:
        """Count one request of a key and decide. A tier that is not known is ``standard``."""
        ...


class LongLimits:
    """Two limits that hold together, for the paths of a document that names its own.

    ``long`` gives the limit of each tier of callers, ``burst`` the one that keeps what is left of
    it from being used up at once. A limiter knows each as a tier of its own, so that nodes share
    them and operators set them like any other: ``<name>-<tier>`` and ``<name>-<tier>-burst``.
    """

    def __init__(self, name: str, long: Mapping[str, Tier], burst: Mapping[str, Tier]) -> None:
        self.name = name
        self._long, self._burst = dict(long), dict(burst)
        self._names = {tier: (f"{name}-{tier}", f"{name}-{tier}-burst") for tier in long}

    @property
    def tiers(self) -> dict[str, Tier]:
        """What a limiter must know of."""
        made: dict[str, Tier] = {}
        for tier, (long, burst) in self._names.items():
            made |= {long: self._long[tier], burst: self._burst[tier]}
        return made

    def check(self, limiter: Limiter, key: str, tier: str) -> Decision:
        """Count one request and decide: the limit that refuses it is told, else the long one."""
        long, burst = self._names.get(tier) or self._names["standard"]
        # The burst comes first: what it refuses is not counted against the long limit.
        decision = limiter.check(f"{burst}:{key}", burst)
        return limiter.check(f"{long}:{key}", long) if decision.allowed else decision

    def untouched(self) -> Decision:
        """What an answer tells that nothing was counted for, such as that of a health check."""
        limit = self._long["anonymous"].limit
        return Decision(True, limit, limit, clock.now() / clock.SECOND, 0.0)


def _orchex() -> LongLimits:
    """As the ORCHEX document has it: 1,000 and 100 requests an hour, 50 a minute."""
    times = {"standard": 1, "premium": 5}
    long = {name: Tier(name, 1000 * n, 3600.0, 1000 * n) for name, n in times.items()}
    burst = {name: Tier(name, 50 * n, 60.0, 50 * n) for name, n in times.items()}
    long["anonymous"] = Tier("anonymous", 100, 3600.0, 100)
    burst["anonymous"] = Tier("anonymous", 50, 60.0, 50)
    return LongLimits("orchex", long, burst)


ORCHEX = _orchex()


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
