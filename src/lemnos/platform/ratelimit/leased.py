"""Limits that hold over all nodes, without a question to the shared store for each request.

A node takes requests from the store in blocks, counted there at once, and gives them out without
asking. It never waits for the store: while a block is on its way, some requests are allowed on
credit and counted afterwards, whatever the rate. A key that is used little is counted one by one;
blocks double while they are used up within a second.

Block and credit are a quarter of the tier's burst each, at most. So at any moment a key may have
got at most half a burst for each node more than one limiter would have allowed it, and over time
nothing more, as all of it is counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from lemnos.kernel import clock
from lemnos.kernel.clock import SECOND
from lemnos.kernel.errors import LemnosError
from lemnos.platform.ratelimit.gcra import LocalLimiter
from lemnos.platform.ratelimit.model import STANDARD, TIERS, Decision, LeaseStore, Tier

log = logging.getLogger(__name__)

_KEYS = 100_000
_BUSY = 1 * SECOND  # a block that is used up within it was too small
_ALONE = 5 * SECOND  # the store is not asked for so long after it failed
_PATIENCE = 0.5  # seconds to wait for the store before limiting alone


class _Block:
    """What this node holds of one key's rate."""

    __slots__ = ("blocked_until", "floor", "left", "reset_at", "size", "taken_at", "taking")

    def __init__(self, tier: Tier) -> None:
        self.left = 0  # below zero: allowed on credit, to be counted
        self.size = 0
        self.floor = -quarter(tier)
        self.taken_at = 0
        self.reset_at = 0
        self.blocked_until = 0
        self.taking: asyncio.Task[None] | None = None


class LeasedLimiter:
    """See the module. While the store is away, each node limits alone, at the full rate."""

    def __init__(
        self, store: LeaseStore, tiers: Mapping[str, Tier] = TIERS, keys: int = _KEYS
    ) -> None:
        self._store = store
        self._tiers = tiers
        self._keys = keys
        self._blocks: dict[str, _Block] = {}
        self._alone = LocalLimiter(tiers, keys)
        self._alone_until = 0

    def check(self, key: str, tier: str) -> Decision:
        """See :class:`~lemnos.platform.ratelimit.model.Limiter`. To be called on the loop."""
        now = clock.now()
        if now < self._alone_until:
            return self._alone.check(key, tier, now)
        rate = self._tiers.get(tier, STANDARD)
        block = self._blocks.get(key)
        if block is None:
            block = self._new_block(key, rate)
        if now < block.blocked_until:
            return _refused(rate, block, block.blocked_until - now)
        if block.left <= block.floor:  # all credit is used, and the store has not answered yet
            return _refused(rate, block, rate.interval)
        block.left -= 1
        if block.left <= block.size // 2 and block.taking is None:
            block.taking = asyncio.create_task(self._take(key, rate, block, now))
        reset_at = max(block.reset_at, now)
        remaining = block.left + (now + rate.tolerance - reset_at) // rate.interval
        return Decision(True, rate.limit, max(remaining, 0), reset_at / SECOND, 0.0)

    async def settle(self) -> None:
        """Wait until all that was allowed is counted in the store."""
        while taking := [block.taking for block in self._blocks.values() if block.taking]:
            await asyncio.gather(*taking)

    async def _take(self, key: str, rate: Tier, block: _Block, now: int) -> None:
        """Have the credit counted and the block filled up."""
        busy = now - block.taken_at < _BUSY
        block.size = min(max(block.size * 2, 1), quarter(rate)) if busy else block.size // 2
        block.taken_at = now
        spent, wanted = max(-block.left, 0), max(block.size - max(block.left, 0), 0)
        try:
            lease = await asyncio.wait_for(
                self._store.take(key, rate, spent, wanted), timeout=_PATIENCE
            )
        except (LemnosError, TimeoutError) as error:
            log.warning("rate limits are not shared for the moment: %r", error)
            self._alone_until = now + _ALONE
            return
        finally:
            block.taking = None
        now = clock.now()
        block.left += spent + lease.granted
        block.reset_at = now + lease.ahead
        block.floor = -quarter(rate)
        # How long until the next one conforms. While that is not now, and nothing is held, the
        # key is refused here; then one request on credit finds out how things stand.
        wait = lease.ahead + rate.interval - rate.tolerance
        if block.left <= 0 and wait > 0:
            block.size = 0
            block.floor = block.left - 1
            block.blocked_until = now + wait

    def _new_block(self, key: str, rate: Tier) -> _Block:
        if len(self._blocks) >= self._keys:
            # What the dropped one holds is lost to its key: at most one block.
            del self._blocks[next(iter(self._blocks))]
        block = self._blocks[key] = _Block(rate)
        return block


def _refused(rate: Tier, block: _Block, wait: int) -> Decision:
    return Decision(False, rate.limit, 0, block.reset_at / SECOND, wait / SECOND)


def quarter(tier: Tier) -> int:
    """The largest block of a tier, and the largest credit."""
    return max(tier.burst // 4, 1)
