"""Two limits that hold together, in one process and shared by nodes."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from lemnos.platform.ratelimit import ORCHEX, LeasedLimiter, LocalLimiter, LongLimits, Tier
from lemnos.platform.ratelimit.valkey import ValkeyLeases

# So slow that nothing comes back during a test.
LIMITS = LongLimits(
    "slow",
    {"standard": Tier("standard", 10, 36_000.0, 10), "anonymous": Tier("anonymous", 3, 36e3, 3)},
    {"standard": Tier("standard", 4, 36_000.0, 4), "anonymous": Tier("anonymous", 4, 36e3, 4)},
)


@pytest.mark.parametrize(
    ("tier", "hour", "minute"),
    [("standard", 1000, 50), ("premium", 5000, 250), ("anonymous", 100, 50), ("gold", 1000, 50)],
)
def test_the_numbers_of_the_document(tier: str, hour: int, minute: int):
    limiter = LocalLimiter(ORCHEX.tiers)
    decisions = [ORCHEX.check(limiter, "k", tier) for _ in range(minute + 1)]
    assert [d.allowed for d in decisions] == [True] * minute + [False]
    assert [d.remaining for d in decisions[:-1]] == [hour - n for n in range(1, minute + 1)]
    assert decisions[0].limit == hour
    assert (decisions[-1].limit, decisions[-1].remaining) == (minute, 0)
    assert 0 < decisions[-1].retry_after <= 60 / minute


def test_what_the_burst_refuses_is_not_counted_against_the_long_limit():
    limiter = LocalLimiter(LIMITS.tiers)
    assert [LIMITS.check(limiter, "k", "standard").allowed for _ in range(50)].count(True) == 4
    assert limiter.check("slow-standard:k", "slow-standard").remaining == 10 - 4 - 1


def test_the_long_limit_refuses_what_the_burst_would_allow():
    limiter = LocalLimiter(LIMITS.tiers)
    found = [LIMITS.check(limiter, "k", "anonymous") for _ in range(4)]
    assert [d.allowed for d in found] == [True] * 3 + [False]
    assert found[-1].limit == 3


def test_it_has_nothing_to_do_with_the_usual_limit_of_the_same_key():
    limiter = LocalLimiter(ORCHEX.tiers | {"standard": Tier("standard", 5, 36e3, 5)})
    assert all(limiter.check("k", "standard").allowed for _ in range(5))
    assert not limiter.check("k", "standard").allowed
    assert ORCHEX.check(limiter, "k", "standard").remaining == 999


def test_an_answer_that_is_not_counted_tells_an_untouched_allowance():
    said = ORCHEX.untouched()
    assert (said.allowed, said.limit, said.remaining, said.retry_after) == (True, 100, 100, 0.0)


async def test_nodes_share_both(valkey_url: str):
    """Each node may allow half a burst more, and no node twice what there is."""
    async with Redis.from_url(valkey_url) as client:
        nodes = [LeasedLimiter(ValkeyLeases(client, "long:"), LIMITS.tiers) for _ in range(2)]
        passed = 0
        for turn in range(40):
            passed += LIMITS.check(nodes[turn % 2], "k", "standard").allowed
            await nodes[turn % 2].settle()
    assert 4 <= passed <= 4 + 2 * 2
