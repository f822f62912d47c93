"""Leases from a Valkey or Redis server: the algorithm runs there, on its clock."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.exceptions import RedisError

from lemnos.kernel.errors import Unavailable
from lemnos.platform.ratelimit.model import Lease, Tier

# KEYS[1] the key; ARGV interval, tolerance (microseconds), spent, wanted.
# Returns how many were granted, and by how many microseconds the key runs ahead.
_TAKE_LUA = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
tat = tat + interval * ARGV[3]
local room = math.floor((now + tolerance - tat) / interval)
local granted = math.max(math.min(room, tonumber(ARGV[4])), 0)
tat = tat + interval * granted
if tat > now then
  redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000))
end
return {granted, tat - now}
"""


class ValkeyLeases:
    """Leases from a Valkey or Redis server, one round trip each."""

    def __init__(self, client: Redis, prefix: str = "lemnos:rate:") -> None:
        self._take = client.register_script(_TAKE_LUA)
        self._prefix = prefix

    async def take(self, key: str, tier: Tier, spent: int, wanted: int) -> Lease:
        """See :class:`~lemnos.platform.ratelimit.model.LeaseStore`."""
        try:
            granted, ahead = await self._take(
                keys=[self._prefix + key], args=[tier.interval, tier.tolerance, spent, wanted]
            )
        except (RedisError, OSError) as error:
            raise Unavailable(f"The shared store of rate limits is away: {error}.") from error
        return Lease(int(granted), int(ahead))
