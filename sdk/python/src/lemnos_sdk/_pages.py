"""Lists that ask for their next page when it is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from lemnos_sdk._call import IO, Call

if TYPE_CHECKING:
    from lemnos_sdk._transport import Async, Sync

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page. ``total`` counts all pages as far as the server does; None where it does not.

    ``following`` is what asks for the next page; None after the last.
    """

    items: Sequence[T]
    total: int | None = None
    following: Mapping[str, Any] | None = None


def page_by_offset(items: Sequence[T], total: int | None, limit: int, offset: int) -> Page[T]:
    """A page of a list that is read by offset; a page that is not full is the last."""
    full = 0 < limit <= len(items)
    return Page(items, total, {"limit": limit, "offset": offset + len(items)} if full else None)


class Pages(Generic[T, IO]):
    """All items of a list, newest first as a rule: ``for item in pages``, or ``async for``.

    A page is asked for when the iteration gets there.
    """

    def __init__(self, io: IO, describe: Callable[[Mapping[str, Any]], Call[Page[T]]]) -> None:
        self._io = io
        self._describe = describe

    @overload
    def first(self: Pages[T, Sync]) -> Page[T]: ...
    @overload
    def first(self: Pages[T, Async]) -> Coroutine[Any, Any, Page[T]]: ...
    def first(self) -> Any:
        """The first page alone."""
        return self._io.run(self._describe({}))

    def __iter__(self: Pages[T, Sync]) -> Iterator[T]:
        following: Mapping[str, Any] | None = {}
        while following is not None:
            page = self._io.run(self._describe(following))
            yield from page.items
            following = page.following

    async def __aiter__(self: Pages[T, Async]) -> AsyncIterator[T]:
        following: Mapping[str, Any] | None = {}
        while following is not None:
            page = await self._io.run(self._describe(following))
            for item in page.items:
                yield item
            following = page.following
