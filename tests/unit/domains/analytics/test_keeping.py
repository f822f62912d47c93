"""Results that are kept."""

from __future__ import annotations

import asyncio

import pytest

from lemnos.domains.analytics.keeping import Kept


async def test_who_asks_meanwhile_waits_for_the_same():
    kept, made, go = Kept[int](), [], asyncio.Event()

    async def make() -> int:
        made.append(1)
        await go.wait()
        return 7

    asking = [asyncio.ensure_future(kept.get("key", make)) for _ in range(3)]
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*asking) == [7, 7, 7]
    assert len(made) == 1


async def test_a_failure_is_not_kept_and_the_oldest_goes():
    kept = Kept[int](most=2)

    async def fail() -> int:
        raise ValueError("not this time")

    async def get(name: str, value: int) -> int:
        async def make() -> int:
            return value

        return await kept.get(name, make)

    with pytest.raises(ValueError, match="not this time"):
        await kept.get("a", fail)
    asked = (("a", 1), ("b", 2), ("a", 9), ("c", 3), ("b", 4))
    assert [await get(*each) for each in asked] == [1, 2, 1, 3, 4]
