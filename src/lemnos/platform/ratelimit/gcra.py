"""The generic cell rate algorithm, in one process.

ITU-T recommendation I.371, annex A, as a virtual scheduling algorithm. For each key it keeps one
number, the theoretical arrival time (TAT): when the next request would come at exactly the rate.
A request is allowed if it comes no earlier than the tolerance before that.
"""

from __future__ import annotations

from collections.abc import Mapping

from lemnos.kernel import clock
from lemnos.kernel.clock import SECOND
from lemnos.platform.ratelimit.model import STANDARD, TIERS, Decision, Tier

_KEYS = 100_000


class LocalLimiter:
    """Limits of this process alone. Memory is bounded by ``keys``.

    Past that, keys at rest are dropped, which changes nothing, and then those that were met
    first, which forgives them what they used.
    """

    def __init__(self, tiers: Mapping[str, Tier] = TIERS, keys: int = _KEYS) -> None:
        self._tiers = tiers
        self._keys = keys
        self._tats: dict[str, int] = {}

    def check(self, key: str, tier: str, now: int | None = None) -> Decision:
        """See :class:`~lemnos.platform.ratelimit.model.Limiter`; ``now`` in microseconds."""
        if now is None:
            now = clock.now()
        rate = self._tiers.get(tier, STANDARD)
        tat = self._tats.get(key)
        if tat is None:
            if len(self._tats) >= self._keys:
                self._make_room(now)
            tat = now
        elif tat < now:
            tat = now
        room = now + rate.tolerance - tat
        if room < rate.interval:
            return Decision(False, rate.limit, 0, tat / SECOND, (rate.interval - room) / SECOND)
        self._tats[key] = tat = tat + rate.interval
        return Decision(True, rate.limit, room // rate.interval - 1, tat / SECOND, 0.0)

    def _make_room(self, now: int) -> None:
        self._tats = {key: tat for key, tat in self._tats.items() if tat > now}
        while len(self._tats) > self._keys // 2:
            del self._tats[next(iter(self._tats))]
