"""Two nodes on one PostgreSQL: what one appends, readers on the other get, once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import pytest

from lemnos.platform.db.postgres import PostgresDatabase
from lemnos.platform.db.schema import create_all
from lemnos.platform.events.feed import START
from lemnos.platform.events.notifier import Broadcast
from lemnos.platform.events.postgres_wake import PostgresBroadcast
from lemnos.platform.events.redis_wake import RedisBroadcast
from tests.conformance.database.servers import opened, postgres
from tests.conformance.events.node import STREAM, Node, encode, names, new, running
from tests.support.services import Valkey

NEVER = 3600.0  # seconds: with this poll only a wake-up from the other node can wake


@asynccontextmanager
async def two_nodes(carrier: str, valkey: Valkey, poll: float = NEVER) -> AsyncIterator[list[Node]]:
    url = postgres().create_database()
    async with AsyncExitStack() as stack:
        nodes = []
        for _ in range(2):
            db = await stack.enter_async_context(opened(url))
            assert isinstance(db, PostgresDatabase)
            broadcast: Broadcast | None = None
            if carrier == "postgresql":
                broadcast = PostgresBroadcast(db)
            elif carrier == "valkey":
                broadcast = RedisBroadcast(valkey.url)
            nodes.append(await stack.enter_async_context(running(Node(db, broadcast, poll))))
        await create_all(nodes[0].db)
        yield nodes


@pytest.fixture(params=["postgresql", "valkey"])
async def nodes(request: pytest.FixtureRequest, valkey: Valkey):
    async with two_nodes(request.param, valkey) as both:
        yield both


async def until_heard(here: Node, there: Node) -> None:
    """Wait until a wake-up passes from one node to the other: both listen."""
    wakes = there.log.subscribe("hello")
    while not await wakes.changed(0.05):
        here.notifier.wake("hello")
    wakes.close()


async def test_a_subscriber_on_the_other_node_wakes(nodes: list[Node]):
    here, there = nodes
    await until_heard(here, there)
    wakes = there.log.subscribe(STREAM)
    await here.add("a")
    while not await there.log.read(STREAM):
        assert await wakes.changed(20)
    assert names(await there.log.read(STREAM)) == ["a"]
    wakes.close()


async def test_readers_on_both_nodes_get_all_that_both_append(nodes: list[Node]):
    here, there = nodes
    await until_heard(here, there)
    await until_heard(there, here)
    total = 100

    async def reader(node: Node) -> list[int]:
        seen: list[int] = []
        async with aclosing(node.hub.follow(STREAM, 0, encode, heartbeat=30)) as batches:
            async for batch in batches:
                seen += [int(frame.partition(b":")[0]) for frame in batch]
                if len(seen) >= total:
                    break
        return seen

    readers = [asyncio.ensure_future(reader(node)) for node in nodes * 5]
    await asyncio.gather(*(nodes[n % 2].add(str(n)) for n in range(total)))
    async with asyncio.timeout(30):
        assert await asyncio.gather(*readers) == [list(range(1, total + 1))] * 10


async def test_the_slow_poll_makes_up_for_wake_ups_that_are_lost(valkey: Valkey):
    async with two_nodes("none", valkey, poll=0.05) as (here, there):
        wakes = there.log.subscribe(STREAM)
        await here.add("a")
        while not await there.log.read(STREAM):
            assert await wakes.changed(20)
        wakes.close()


async def test_a_late_commit_is_not_missed_by_the_feed(valkey: Valkey):
    """A transaction takes its ids, others commit after it began, then it commits."""
    async with two_nodes("none", valkey, poll=0.05) as (here, there):
        began, go_on = asyncio.Event(), asyncio.Event()

        async def late(tx):
            await here.log.append(tx, "acme", "task:late", new("late"))
            began.set()
            await go_on.wait()

        writing = asyncio.ensure_future(here.db.write(late))
        await began.wait()
        await there.add("early")
        found, cursor = await there.feed.read_all(None, START)
        assert found == []  # behind the fence: it may not be shown before what is still open
        go_on.set()
        await writing
        found, _ = await there.feed.read_all(None, cursor)
        assert [item.event.name for item in found] == ["late", "early"]


async def test_wake_ups_go_on_after_valkey_was_away():
    with Valkey() as valkey:
        async with two_nodes("valkey", valkey) as (here, there):
            await until_heard(here, there)
            await asyncio.to_thread(valkey.stop)
            await here.add("a")  # the fact is committed, only its wake-up is lost
            await asyncio.to_thread(valkey.start)
            async with asyncio.timeout(30):
                await until_heard(here, there)
            assert names(await there.log.read(STREAM)) == ["a"]
