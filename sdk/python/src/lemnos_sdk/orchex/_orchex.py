"""ORCHEX's envelope: ``{"success": true, "data": {…}, "meta": {…}}``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from lemnos_sdk._call import Call, Json, given
from lemnos_sdk._model import reader
from lemnos_sdk._pages import Page, page_by_offset

T = TypeVar("T")


def get(path: str, shape: type[T], **query: Any) -> Call[T]:
    """A call that reads something."""
    return Call("GET", path, reader(shape, "data"), query=given(**query))


def post(path: str, shape: type[T], body: Json | None = None) -> Call[T]:
    """A call that makes something."""
    return Call("POST", path, reader(shape, "data"), body=body)


def put(path: str, shape: type[T], body: Json) -> Call[T]:
    """A call that changes something."""
    return Call("PUT", path, reader(shape, "data"), body=body)


def delete(path: str, shape: type[T], **query: Any) -> Call[T]:
    """A call that ends something, and is told what became of it."""
    return Call("DELETE", path, reader(shape, "data"), query=given(**query))


def listing(
    path: str, name: str, shape: type[T], **query: Any
) -> Callable[[Mapping[str, Any]], Call[Page[T]]]:
    """Describes the calls for the pages of a list, whose items are under ``name``."""

    def read(content: Any) -> Page[T]:
        data = content["data"]
        items = msgspec.convert(data[name], list[shape])  # type: ignore[valid-type]
        offset = data.get("offset", 0)
        return page_by_offset(items, data.get("total"), data.get("limit", 0), offset)

    return lambda following: Call("GET", path, read, query={**given(**query), **following})
