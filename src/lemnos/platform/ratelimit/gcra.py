"""The generic cell rate algorithm, in one process.

ITU-T recommendation I.371, annex A, as a virtual scheduling algorithm. For each key it keeps one
number, the theoretical arrival time (TAT): when the next request would come at exactly the rate.
A request is allowed if it comes no earlier than the tolerance before that.
"""

from __future__ import annotations

import time

from lemnos.platform.ratelimit.model import Decision, Tier

_KEYS = 100_000


class LocalLimiter:
    """Limits of this process alone. Memory is bounded by ``keys``.

    Past that, keys at rest are dropped, which changes nothing, and then those that were met
    first, which forgives them what they used.
    """

    def __init__(self, keys: int = _KEYS) -> None:
        self._keys = keys
        self._tats: dict[str, float] = {}

    def check(self, key: str, tier: Tier, *, now: float | None = None) -> Decision:
        """Count one request and decide. ``now`` in Unix seconds, the present if left out."""
        if now is None:
            now = time.time()
        tat = self._tats.get(key)
        if tat is None:
            self._make_room(now)
            tat = now
        elif tat < now:
            tat = now
        ahead = tat + tier.interval - now
        if ahead > tier.tolerance + _ROUNDING:
            return Decision(False, tier.limit, 0, tat, ahead - tier.tolerance)
        self._tats[key] = now + ahead
        remaining = int((tier.tolerance - ahead + _ROUNDING) / tier.interval)
        return Decision(True, tier.limit, remaining, now + ahead, 0.0)

    async def ask(self, key: str, tier: Tier) -> Decision:
        """See :class:`~lemnos.platform.ratelimit.model.RateLimiter`."""
        return self.check(key, tier)

    def _make_room(self, now: float) -> None:
        tats = self._tats
        if len(tats) < self._keys:
            return
        self._tats = {key: tat for key, tat in tats.items() if tat > now}
        while len(self._tats) > self._keys // 2:
            del self._tats[next(iter(self._tats))]


# Sums of intervals carry rounding errors of some 1e-7 s at today's Unix time; no interval is
# near that.
_ROUNDING = 1e-5
