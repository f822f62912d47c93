"""The generic cell rate algorithm, in one process.

ITU-T recommendation I.371, annex A, as a virtual scheduling algorithm. For each key it keeps one
number, the theoretical arrival time (TAT): when the next request would come at exactly the rate.
A request is allowed if it comes no earlier than the tolerance before that.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from lemnos.platform.ratelimit.model import STANDARD, TIERS, Decision, Tier

# Sums of intervals carry rounding errors of some 1e-7 s at today's Unix time. No interval is
# near that.
ROUNDING = 1e-5
_KEYS = 100_000


class LocalLimiter:
    """Limits of this process alone. Memory is bounded by ``keys``.

    Past that, keys at rest are dropped, which changes nothing, and then those that were met
    first, which forgives them what they used.
    """

    def __init__(self, tiers: Mapping[str, Tier] = TIERS, keys: int = _KEYS) -> None:
        self._tiers = tiers
        self._keys = keys
        self._tats: dict[str, float] = {}

    def check(self, key: str, tier: str, now: float | None = None) -> Decision:
        """See :class:`~lemnos.platform.ratelimit.model.Limiter`; ``now`` in Unix seconds."""
        if now is None:
            now = time.time()
        rate = self._tiers.get(tier, STANDARD)
        tat = self._tats.get(key)
        if tat is None:
            if len(self._tats) >= self._keys:
                self._make_room(now)
            tat = now
        elif tat < now:
            tat = now
        ahead = tat - now + rate.interval
        if ahead > rate.tolerance + ROUNDING:
            return Decision(False, rate.limit, 0, tat, ahead - rate.tolerance)
        self._tats[key] = tat = now + ahead
        remaining = int((rate.tolerance - ahead + ROUNDING) / rate.interval)
        return Decision(True, rate.limit, remaining, tat, 0.0)

    def _make_room(self, now: float) -> None:
        self._tats = {key: tat for key, tat in self._tats.items() if tat > now}
        while len(self._tats) > self._keys // 2:
            del self._tats[next(iter(self._tats))]
