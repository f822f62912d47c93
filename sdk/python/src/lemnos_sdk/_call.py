"""Operations as data: what is sent, and how the answer is read. Nothing here does I/O.

A resource is written once. ``@operation`` turns a method that describes a call into one that
makes it: at once on a resource of :class:`~lemnos_sdk._transport.Sync`, as a coroutine on one of
:class:`~lemnos_sdk._transport.Async`. Type checkers see the right one.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload
from urllib.parse import quote

if TYPE_CHECKING:
    from lemnos_sdk._transport import Async, Sync

P = ParamSpec("P")
T = TypeVar("T")
IO = TypeVar("IO", bound="Sync | Async")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how to read the content of its answer.

    ``also`` is a status of failure that may come with content, as that of a health check.
    ``key`` is the ``Idempotency-Key`` of a POST: all tries of one call share it, so that the
    server does its work once.
    """

    method: str
    path: str
    read: Callable[[Any], T]
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    timeout: float | None = None
    also: int | None = None
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that are this call's own."""
        return {"Idempotency-Key": self.key} if self.method == "POST" else {}


class Resource(Generic[IO]):
    """Operations that belong together."""

    def __init__(self, io: IO) -> None:
        self._io = io


class operation(Generic[P, T]):  # noqa: N801 - a decorator
    """A method that describes a call, as one that makes it."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self.describe = describe
        functools.update_wrapper(self, describe)  # type: ignore[arg-type]

    @overload
    def __get__(self, obj: None, owner: object) -> operation[P, T]: ...
    @overload
    def __get__(self, obj: Resource[Sync], owner: object) -> Callable[P, T]: ...
    @overload
    def __get__(
        self, obj: Resource[Async], owner: object
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, obj: Any, owner: object) -> Any:
        if obj is None:
            return self

        @functools.wraps(self.describe)
        def make(*args: P.args, **kwargs: P.kwargs) -> Any:
            return obj._io.run(self.describe(obj, *args, **kwargs))  # noqa: SLF001 - a resource's own

        return make


def given(**fields: Any) -> Json:
    """The fields that were given a value."""
    return {name: value for name, value in fields.items() if value is not None}


def path(root: str, *names: str) -> str:
    """A path whose further segments are names. Raises ValueError for what is no name."""
    for name in names:
        if name in ("", ".", ".."):
            raise ValueError(f"{name!r} is not a name")
    return "/".join((root, *(quote(name, safe="") for name in names)))
