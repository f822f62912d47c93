"""Nodes share limits through a real Valkey or PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from lemnos.kernel.clock import SECOND
from lemnos.kernel.errors import Unavailable
from lemnos.platform.ratelimit import Lease, LeasedLimiter, LeaseStore, Tier
from lemnos.platform.ratelimit.database import DatabaseLeases
from lemnos.platform.ratelimit.leased import quarter
from lemnos.platform.ratelimit.valkey import ValkeyLeases
from tests.support.services import Valkey
from tests.unit.platform.stores import fresh, opened

# So slow that nothing comes back during a test.
SLOW = Tier("slow", 100, 36_000.0, 100)
QUICK = Tier("quick", 1000, 1.0, 20)
TIERS = {tier.name: tier for tier in (SLOW, QUICK)}


@pytest.fixture(params=["valkey", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LeaseStore]:
    if request.param == "valkey":
        async with Redis.from_url(request.getfixturevalue("valkey_url")) as client:
            yield ValkeyLeases(client)
    else:
        url = fresh("postgresql", tmp_path, request.getfixturevalue("postgres"))
        async with opened(url) as db:
            yield DatabaseLeases(db)


async def hammer(limiter: LeasedLimiter, count: int, tier: str = "slow") -> int:
    """Ask as often, as from a server that turns to other things in between; how many passed."""
    passed = 0
    for _ in range(count):
        passed += limiter.check("k", tier).allowed
        await limiter.settle()
    return passed


class TestStore:
    async def test_it_grants_what_there_is(self, store: LeaseStore):
        assert (await store.take("k", SLOW, 0, 60)).granted == 60
        assert (await store.take("k", SLOW, 0, 60)).granted == 40
        assert (await store.take("k", SLOW, 0, 60)).granted == 0
        assert (await store.take("other", SLOW, 0, 1)).granted == 1

    async def test_what_was_spent_counts_whatever_the_rate(self, store: LeaseStore):
        lease = await store.take("k", SLOW, 150, 10)
        assert lease.granted == 0
        assert lease.ahead == 150 * SLOW.interval

    async def test_what_was_used_comes_back_at_the_rate(self, store: LeaseStore):
        assert (await store.take("k", QUICK, 0, 20)).granted == 20
        granted = 0
        async with asyncio.timeout(10):
            while granted < 20:
                granted += (await store.take("k", QUICK, 0, 1)).granted

    async def test_takers_at_once_do_not_get_the_same(self, store: LeaseStore):
        leases = await asyncio.gather(*(store.take("k", SLOW, 0, 3) for _ in range(50)))
        assert sum(lease.granted for lease in leases) == SLOW.burst


@pytest.mark.parametrize("nodes", [1, 2, 5])
async def test_nodes_together_exceed_the_burst_by_half_a_burst_each_at_most(
    store: LeaseStore, nodes: int
):
    limiters = [LeasedLimiter(store, TIERS) for _ in range(nodes)]
    passed = sum(await asyncio.gather(*(hammer(limiter, 150) for limiter in limiters)))
    assert SLOW.burst <= passed <= SLOW.burst + nodes * 2 * quarter(SLOW)


async def test_one_node_alone_is_exact(store: LeaseStore):
    assert await hammer(LeasedLimiter(store, TIERS), 300) == SLOW.burst


async def test_requests_in_one_tick_do_not_pass_on_credit_without_end(store: LeaseStore):
    limiter = LeasedLimiter(store, TIERS)
    at_once = sum(limiter.check("k", "slow").allowed for _ in range(1000))
    assert at_once == quarter(SLOW)
    await limiter.settle()
    assert at_once + await hammer(limiter, 300) == SLOW.burst


async def test_all_that_passed_is_counted(store: LeaseStore):
    limiters = [LeasedLimiter(store, TIERS) for _ in range(3)]
    passed = 0
    for turn in range(60):
        passed += limiters[turn % 3].check("k", "slow").allowed
        await limiters[turn % 3].settle()
    held = sum(limiter._blocks["k"].left for limiter in limiters)
    lease = await store.take("k", SLOW, 0, 0)
    assert passed == 60
    assert round(lease.ahead / SLOW.interval) == passed + held


async def test_a_refused_key_is_told_when_to_come_back(store: LeaseStore):
    limiter = LeasedLimiter(store, TIERS)
    await hammer(limiter, 101)
    decision = limiter.check("k", "slow")
    assert not decision.allowed
    assert decision.remaining == 0
    assert 0 < decision.retry_after <= SLOW.interval / SECOND


async def test_a_key_that_was_refused_is_allowed_again_in_time(store: LeaseStore):
    limiter = LeasedLimiter(store, TIERS)
    async with asyncio.timeout(10):
        for _ in range(100):
            decision = limiter.check("k", "quick")
            await asyncio.sleep(decision.retry_after)
            await limiter.settle()


class Counting:
    """Counts the questions to a store."""

    def __init__(self, store: LeaseStore) -> None:
        self.store = store
        self.takes = 0

    async def take(self, key: str, tier: Tier, spent: int, wanted: int) -> Lease:
        self.takes += 1
        return await self.store.take(key, tier, spent, wanted)


async def test_a_busy_key_asks_seldom(valkey_url: str):
    wide = {"standard": Tier("standard", 100_000, 60.0, 1000)}
    async with Redis.from_url(valkey_url) as client:
        store = Counting(ValkeyLeases(client))
        limiter = LeasedLimiter(store, wide)
        assert all([await one(limiter) for _ in range(500)])
    assert store.takes < 20


async def one(limiter: LeasedLimiter) -> bool:
    allowed = limiter.check("k", "standard").allowed
    await limiter.settle()
    return allowed


async def test_while_the_store_is_away_each_node_limits_alone():
    with Valkey() as server:
        client = Redis.from_url(server.url, socket_connect_timeout=0.2)
        limiter = LeasedLimiter(ValkeyLeases(client), TIERS)
        assert limiter.check("k", "slow").allowed
        await limiter.settle()
    with pytest.raises(Unavailable):
        await ValkeyLeases(client).take("k", SLOW, 0, 1)
    passed = await hammer(limiter, 200)
    await client.aclose()
    assert SLOW.burst <= passed <= SLOW.burst + 2 * quarter(SLOW)


async def test_memory_is_bounded(valkey_url: str):
    async with Redis.from_url(valkey_url) as client:
        limiter = LeasedLimiter(ValkeyLeases(client), TIERS, keys=10)
        for number in range(50):
            limiter.check(f"key-{number}", "slow")
        await limiter.settle()
        assert len(limiter._blocks) == 10
