"""A slice of an ordered collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items in order, the total where it is cheap to know, and the key of the next page."""

    items: tuple[T, ...]
    total: int | None = None
    next_key: str | None = None
