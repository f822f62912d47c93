"""Models: frozen dataclasses, by keyword, tolerant of fields that a newer server adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform

import msgspec

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def model(shape: type[T]) -> type[T]:
    """Makes a class a model. ``dataclasses.asdict`` gives its content back."""
    return dataclass(frozen=True, kw_only=True, slots=True)(shape)


def reader(shape: type[T], *where: str) -> Callable[[Any], T]:
    """Reads a model out of an answer, from under the given keys."""

    def read(content: Any) -> T:
        for key in where:
            content = content[key]
        return msgspec.convert(content, shape)

    return read


def nothing(_content: object) -> None:
    """Reads an answer that has no content."""
