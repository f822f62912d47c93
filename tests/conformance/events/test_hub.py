"""Fan-out: each reader gets every event once, however it joins, lags and leaves."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from lemnos.platform.events import Event
from tests.conformance.events.node import STREAM, Node, encode, running


async def take(node: Node, count: int, after: int = 0, pause: float | None = None) -> list[bytes]:
    """The first frames that a reader gets; with ``pause`` it dawdles between batches."""
    got: list[bytes] = []
    async with aclosing(node.hub.follow(STREAM, after, encode, heartbeat=30)) as batches:
        async for batch in batches:
            got += batch
            if len(got) >= count:
                break
            if pause is not None:
                await asyncio.sleep(pause)
    return got


async def until_readers(node: Node, count: int) -> None:
    while node.hub.readers(STREAM) < count:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0)


def frames(first: int, last: int) -> list[bytes]:
    return [f"{seq}:{seq}\n".encode() for seq in range(first, last + 1)]


async def add_numbers(node: Node, first: int, last: int, step: int = 3) -> None:
    for start in range(first, last + 1, step):
        await node.add(*map(str, range(start, min(start + step, last + 1))))


async def test_replay_then_live(node: Node):
    await add_numbers(node, 1, 10)
    reader = asyncio.ensure_future(take(node, 18, after=2))
    await until_readers(node, 1)
    await add_numbers(node, 11, 20)
    assert await reader == frames(3, 20)
    assert node.hub.readers(STREAM) == 0


async def test_many_readers_join_while_it_grows(node: Node):
    readers = []
    for first in range(1, 200, 5):
        readers.append(asyncio.ensure_future(take(node, 200)))
        await node.add(*map(str, range(first, first + 5)))
    assert await asyncio.gather(*readers) == [frames(1, 200)] * 40


async def test_a_crowd_is_woken_less_often_and_loses_nothing(node: Node):
    async with running(Node(node.db, crowd=2)) as crowded:
        readers = [asyncio.ensure_future(take(crowded, 90)) for _ in range(30)]
        await asyncio.sleep(0)
        await add_numbers(crowded, 1, 90)
        assert await asyncio.gather(*readers) == [frames(1, 90)] * 30


async def test_readers_too_slow_for_the_ring_go_on_in_the_log(node: Node):
    async with running(Node(node.db, capacity=4)) as small:
        slow = asyncio.ensure_future(take(small, 60, pause=0.005))
        fast = asyncio.ensure_future(take(small, 60))
        await asyncio.sleep(0)
        await add_numbers(small, 1, 60)
        assert await slow == frames(1, 60)
        assert await fast == frames(1, 60)


async def test_heartbeats_come_when_nothing_else_does(node: Node):
    await node.add("1")
    async with aclosing(node.hub.follow(STREAM, 0, encode, heartbeat=0.02)) as batches:
        assert await anext(batches) == [b"1:1\n"]
        assert await anext(batches) == []
        assert await anext(batches) == []
        await node.add("2")
        while not (batch := await anext(batches)):
            pass
        assert batch == [b"2:2\n"]
        assert batch.joined == b"2:2\n"


async def test_an_event_is_encoded_once_for_all(node: Node):
    encoded: list[int] = []

    def counting(event: Event) -> bytes:
        encoded.append(event.seq)
        return b"x"

    async def reader(live: asyncio.Event) -> None:
        follow = node.hub.follow(STREAM, 0, counting, heartbeat=0.02)
        async with aclosing(follow) as batches:
            got = 0
            async for batch in batches:
                live.set()  # by the first heartbeat, when there is nothing to read yet
                got += len(batch)
                if got == 5:
                    return

    live = [asyncio.Event() for _ in range(20)]
    readers = [asyncio.ensure_future(reader(each)) for each in live]
    await asyncio.gather(*(each.wait() for each in live))
    await add_numbers(node, 1, 5, step=1)
    await asyncio.gather(*readers)
    assert encoded == [1, 2, 3, 4, 5]


async def test_frames_that_are_empty_are_not_shown(node: Node):
    def even(event: Event) -> bytes:
        return encode(event) if event.seq % 2 == 0 else b""

    await add_numbers(node, 1, 4)
    got: list[bytes] = []
    async with aclosing(node.hub.follow(STREAM, 0, even, heartbeat=30)) as batches:
        reader = asyncio.ensure_future(anext(batches))
        got += await reader
        await node.add("5")
        await node.add("6")
        got += await anext(batches)
    assert got == [b"2:2\n", b"4:4\n", b"6:6\n"]


async def test_a_cursor_beyond_the_end_gets_what_comes_next(node: Node):
    await add_numbers(node, 1, 3)
    async with aclosing(node.hub.follow(STREAM, 1000, encode, heartbeat=0.02)) as batches:
        assert await anext(batches) == []
        await node.add("4")
        while not (batch := await anext(batches)):
            pass
        assert batch == frames(4, 4)


async def test_events_deleted_under_a_reader_are_passed_over(node: Node):
    await add_numbers(node, 1, 9)
    await node.db.write(lambda tx: node.log.drop(tx, "other"))
    async with aclosing(node.hub.follow(STREAM, 0, encode, heartbeat=0.02)) as batches:
        assert await anext(batches) == frames(1, 9)
        await node.db.write(lambda tx: node.log.drop(tx, STREAM))
        assert await anext(batches) == []


async def test_a_reader_that_goes_away_leaves_the_others_alone(node: Node):
    stays = asyncio.ensure_future(take(node, 30))
    goes = [asyncio.ensure_future(take(node, 30)) for _ in range(10)]
    await node.add("1", "2", "3")
    await asyncio.sleep(0)
    for reader in goes:
        reader.cancel()
    await add_numbers(node, 4, 30)
    assert await stays == frames(1, 30)
    await asyncio.gather(*goes, return_exceptions=True)
    assert node.hub.readers(STREAM) == 0


async def test_an_encoder_that_fails_fails_its_reader_only(node: Node):
    def broken(event: Event) -> bytes:
        raise RuntimeError("cannot encode")

    stays = asyncio.ensure_future(take(node, 3))
    async with aclosing(node.hub.follow(STREAM, 0, broken)) as batches:
        reader = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)
        await node.add("1", "2", "3")
        with pytest.raises(RuntimeError, match="cannot encode"):
            await reader
    assert await stays == frames(1, 3)
