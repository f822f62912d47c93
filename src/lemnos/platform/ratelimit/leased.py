"""Limits that hold over all nodes, at the price of one question to the store for many requests.

A node takes requests in blocks: the store counts the whole block at once, and the node gives it
out without asking. A key that is used little is counted one by one; blocks double while they are
used up within a second, to half the tier's burst. So a key can get at most the requests that
one node holds, one block for each node, beyond its burst, and over time nothing beyond its rate.
"""

from __future__ import annotations

import asyncio
import logging
import time

from lemnos.kernel.errors import LemnosError
from lemnos.platform.ratelimit.gcra import LocalLimiter
from lemnos.platform.ratelimit.model import Decision, Lease, LeaseStore, Tier

log = logging.getLogger(__name__)

_KEYS = 100_000
_BUSY = 1.0  # seconds within which a block that is used up was too small
_PATIENCE = 0.25  # seconds to wait for the store before limiting alone
_ALONE = 5.0  # seconds for which the store is not asked after it failed


class _Block:
    """What this node holds of one key's rate."""

    __slots__ = ("blocked_until", "left", "reset_at", "size", "taken_at", "taking")

    def __init__(self) -> None:
        self.left = 0
        self.size = 1
        self.taken_at = 0.0
        self.reset_at = 0.0
        self.blocked_until = 0.0
        self.taking: asyncio.Task[None] | None = None


class LeasedLimiter:
    """See the module. While the store is away, each node limits alone, at the full rate."""

    def __init__(self, store: LeaseStore, keys: int = _KEYS) -> None:
        self._store = store
        self._keys = keys
        self._blocks: dict[str, _Block] = {}
        self._alone = LocalLimiter(keys)
        self._alone_until = 0.0

    def check(self, key: str, tier: Tier) -> Decision | None:
        """See :class:`~lemnos.platform.ratelimit.model.RateLimiter`."""
        block = self._blocks.get(key)
        if block is None:
            return None
        if block.left > 0:
            block.left -= 1
            return self._allowed(block, tier)
        now = time.time()
        if now < block.blocked_until:
            return Decision(False, tier.limit, 0, block.reset_at, block.blocked_until - now)
        return None

    async def ask(self, key: str, tier: Tier) -> Decision:
        """See :class:`~lemnos.platform.ratelimit.model.RateLimiter`."""
        block = self._blocks.get(key) or self._new_block(key)
        while time.time() >= self._alone_until:
            decision = self.check(key, tier)
            if decision is not None:
                return decision
            # Requests that come meanwhile wait for the same block.
            if block.taking is None:
                block.taking = asyncio.create_task(self._take(key, tier, block))
            await asyncio.shield(block.taking)
        return self._alone.check(key, tier)

    async def _take(self, key: str, tier: Tier, block: _Block) -> None:
        """Fill the block, or learn until when there is nothing to have."""
        now = time.time()
        if now - block.taken_at < _BUSY:
            block.size = min(block.size * 2, max(1, tier.burst // 2))
        else:
            block.size = max(1, block.size // 2)
        try:
            lease = await asyncio.wait_for(self._store.take(key, tier, block.size), _PATIENCE)
        except (LemnosError, TimeoutError) as error:
            log.warning("rate limits are not shared for the moment: %r", error)
            self._alone_until = time.time() + _ALONE
            return
        finally:
            block.taking = None
        self._fill(block, tier, lease)

    def _fill(self, block: _Block, tier: Tier, lease: Lease) -> None:
        now = time.time()
        block.taken_at = now
        block.left = lease.granted
        block.reset_at = now + lease.ahead
        if lease.granted == 0:
            # At least a tick, or a wait that was rounded down to nothing would ask again and again.
            wait = max(lease.ahead + tier.interval - tier.tolerance, 0.001)
            block.blocked_until = now + wait

    def _allowed(self, block: _Block, tier: Tier) -> Decision:
        free = tier.tolerance - max(block.reset_at - time.time(), 0.0)
        remaining = block.left + max(int(free / tier.interval), 0)
        return Decision(True, tier.limit, min(remaining, tier.burst), block.reset_at, 0.0)

    def _new_block(self, key: str) -> _Block:
        if len(self._blocks) >= self._keys:
            # What the dropped one holds is lost to its key: at most one block.
            del self._blocks[next(iter(self._blocks))]
        block = self._blocks[key] = _Block()
        return block
