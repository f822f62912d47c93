"""The event log keeps its promises on each database."""

from __future__ import annotations

import asyncio

import pytest

from lemnos.platform.db import Tx
from lemnos.platform.events import Event, NewEvent
from tests.conformance.events.node import STREAM, Node, names, new


async def test_numbers_are_dense_from_one(node: Node):
    assert await node.log.head(STREAM) == 0
    assert await node.add("a") == 1
    assert await node.add("b", "c", "d") == 4
    assert await node.add("x", stream="task:2") == 1
    assert await node.log.head(STREAM) == 4
    assert await node.log.read(STREAM) == [
        Event(STREAM, seq, "text", name, b'{"n":1}', 1_700_000_000_000_000)
        for seq, name in enumerate("abcd", 1)
    ]


async def test_reading_by_cursor(node: Node):
    await node.add(*"abcdef")
    assert names(await node.log.read(STREAM, after=2, limit=3)) == ["c", "d", "e"]
    assert await node.log.read(STREAM, after=6) == []
    assert await node.log.read("task:none") == []


async def test_appending_nothing_tells_the_head(node: Node):
    await node.add("a")
    assert await node.add() == 1


async def test_appending_later_is_the_same_but_for_the_number(node: Node):
    await node.add("a")
    wakes = node.log.subscribe(STREAM)

    async def body(tx: Tx) -> None:
        node.log.append_later(tx, "acme", STREAM, new("b", "c"))
        node.log.append_later(tx, "acme", "task:2", new("x"))
        node.log.append_later(tx, "acme", STREAM + "0", [])

    await node.db.write(body)
    assert await wakes.changed(5)
    assert await node.add("d") == 4
    assert names(await node.log.read(STREAM)) == ["a", "b", "c", "d"]
    assert [event.seq for event in await node.log.read(STREAM)] == [1, 2, 3, 4]
    assert names(await node.log.read("task:2")) == ["x"]
    wakes.close()


async def test_a_transaction_that_fails_leaves_no_gap(node: Node):
    async def fails(tx: Tx) -> None:
        await node.log.append(tx, "acme", STREAM, new("lost"))
        raise ValueError("no")

    await node.add("a")
    with pytest.raises(ValueError, match="no"):
        await node.db.write(fails)
    assert await node.add("b") == 2


async def test_concurrent_appends_are_numbered_without_gaps(node: Node):
    heads = await asyncio.gather(*(node.add(f"{n}a", f"{n}b") for n in range(40)))
    assert sorted(heads) == list(range(2, 81, 2))
    read = await node.log.read(STREAM)
    assert [event.seq for event in read] == list(range(1, 81))
    for first, second in zip(read[::2], read[1::2], strict=True):
        assert first.name[:-1] == second.name[:-1]


async def test_a_subscription_wakes_after_the_commit(node: Node):
    wakes, other = node.log.subscribe(STREAM), node.log.subscribe("task:2")
    assert not await wakes.changed(0.01)
    await node.add("a")
    await node.add("b")
    assert await wakes.changed(5)
    assert not await wakes.changed(0.01)
    assert not await other.changed(0.01)
    wakes.close()
    other.close()


async def test_dropping_a_stream(node: Node):
    await node.add("a", "b")
    await node.add("x", stream="task:2")
    await node.db.write(lambda tx: node.log.drop(tx, STREAM))
    assert await node.log.read(STREAM) == []
    assert await node.log.head(STREAM) == 0
    assert await node.log.head("task:2") == 1


async def test_subscribe_then_read_neither_loses_nor_repeats(node: Node):
    """Readers join at any moment while four writers append."""
    total = 120
    writers = [asyncio.ensure_future(write_all(node, range(first, total, 4))) for first in range(4)]

    async def reader() -> list[int]:
        wakes = node.log.subscribe(STREAM)
        seen: list[int] = []
        while len(seen) < total:
            found = await node.log.read(STREAM, after=seen[-1] if seen else 0, limit=7)
            seen += [event.seq for event in found]
            if not found:
                assert await wakes.changed(20)
        wakes.close()
        return seen

    readers = []
    for _ in range(10):
        readers.append(asyncio.ensure_future(reader()))
        await asyncio.sleep(0)
    assert await asyncio.gather(*readers) == [list(range(1, total + 1))] * 10
    await asyncio.gather(*writers)


async def write_all(node: Node, numbers: range) -> None:
    for number in numbers:
        await node.add(str(number))


async def test_a_detail_is_kept_beside_the_data(node: Node):
    both = [NewEvent("text", "a", b"raw", 1, b'{"kind":"text"}'), NewEvent("text", "b", b"raw", 2)]

    async def body(tx: Tx) -> None:
        await node.log.append(tx, "acme", STREAM, both)
        node.log.append_later(tx, "acme", "task:2", both)

    await node.db.write(body)
    for stream in (STREAM, "task:2"):
        details = [event.detail for event in await node.log.read(stream)]
        assert details == [b'{"kind":"text"}', b""]
