"""What was measured of a commit is kept for a while, as it stays the same."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")

_MOST = 4  # a large repository's takes some ten megabytes


class Kept(Generic[T]):
    """The last few results by key. Who asks for one that is being made waits for it."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._results: OrderedDict[Hashable, T] = OrderedDict()
        self._making: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """The result for a key, made if it is not there. What ``make`` raises is not kept."""
        lock = self._making.setdefault(key, asyncio.Lock())
        async with lock:
            if key not in self._results:
                self._results[key] = await make()
            self._results.move_to_end(key)
            while len(self._results) > self._most:
                self._results.popitem(last=False)
            return self._results[key]
