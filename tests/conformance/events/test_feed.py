"""The order across streams."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from lemnos.kernel.errors import Invalid
from lemnos.platform.events.feed import START, FeedEvent
from tests.conformance.events.node import STREAM, Node


def shown(found: list[FeedEvent]) -> list[str]:
    return [item.event.name for item in found]


async def test_reading_across_streams_by_cursor(node: Node):
    await node.add("a", "b")
    await node.add("x", stream="task:2", tenant="other")
    await node.add("c")
    first, cursor = await node.feed.read_all(None, START, limit=3)
    rest, end = await node.feed.read_all(None, cursor)
    assert shown(first + rest) == ["a", "b", "x", "c"]
    assert await node.feed.read_all(None, end) == ([], end)
    again, _ = await node.feed.read_all(None, first[0].cursor)
    assert shown(again) == ["b", "x", "c"]
    mine, _ = await node.feed.read_all("acme")
    assert shown(mine) == ["a", "b", "c"]
    assert {item.tenant for item in mine} == {"acme"}


async def test_the_tail_shows_what_comes_later(node: Node):
    await node.add("a")
    tail = await node.feed.tail()
    await node.add("b")
    assert shown((await node.feed.read_all(None, tail))[0]) == ["b"]


async def test_numbers_of_deleted_events_are_not_used_again(node: Node):
    await node.add("a")
    _, cursor = await node.feed.read_all(None)
    await node.db.write(lambda tx: node.log.drop(tx, STREAM))
    await node.add("b", stream="task:2")
    assert shown((await node.feed.read_all(None, cursor))[0]) == ["b"]


async def test_following_neither_loses_nor_repeats(node: Node):
    total = 60

    async def reader() -> list[str]:
        seen: list[str] = []
        async with aclosing(node.feed.follow_all(None, START)) as batches:
            async for batch in batches:
                seen += shown(batch)
                if len(seen) >= total:
                    break
        return seen

    readers = [asyncio.ensure_future(reader()) for _ in range(3)]
    await asyncio.gather(*(node.add(str(n), stream=f"task:{n % 7}") for n in range(total)))
    for seen in await asyncio.gather(*readers):
        assert sorted(seen, key=int) == [str(n) for n in range(total)]


@pytest.mark.parametrize("cursor", ["", "7", "a.b", "1.", "-1.2"])
async def test_a_cursor_that_is_none(node: Node, cursor: str):
    with pytest.raises(Invalid):
        await node.feed.read_all(None, cursor)
