"""How each document answers: its error shape, and the paths that speak it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lemnos.kernel.errors import Kind, LemnosError
from lemnos.platform.ratelimit import LongLimits

STATUS: Mapping[Kind, int] = {
    Kind.VALIDATION: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.TOO_LARGE: 413,
    Kind.UNPROCESSABLE: 422,
    Kind.RATE_LIMITED: 429,
    Kind.INTERNAL: 500,
    Kind.UNAVAILABLE: 503,
    Kind.TIMEOUT: 504,
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One document's way of saying that something went wrong.

    ``prefixes`` are the paths that it covers: whole segments, or with a ``*`` at the end the
    beginning of one, where things of several documents share a path. ``error`` gives the body
    for an error and a request id. ``limits`` are those of a document that names its own.
    """

    name: str
    prefixes: tuple[str, ...]
    error: Callable[[LemnosError, str], Mapping[str, object]]
    limits: LongLimits | None = None


class Dialects:
    """Finds the dialect of a path: the longest prefix wins."""

    def __init__(self, known: Sequence[Dialect], otherwise: Dialect) -> None:
        pairs = [(prefix, dialect) for dialect in known for prefix in dialect.prefixes]
        self._pairs = sorted(pairs, key=lambda pair: -len(pair[0]))
        self._otherwise = otherwise
        # Asked for every request, so it holds only the few that have limits of their own.
        self._limited = [(prefix, d.limits) for prefix, d in self._pairs if d.limits is not None]

    def of(self, path: str) -> Dialect:
        """The dialect that a path speaks, also where no operation is at that path."""
        for prefix, dialect in self._pairs:
            if path == prefix or path.startswith(_begun(prefix)):
                return dialect
        return self._otherwise

    def limits_of(self, path: str) -> LongLimits | None:
        """The limits of a path, where they are not the usual ones."""
        for prefix, limits in self._limited:
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
                return limits
        return None


def _begun(prefix: str) -> str:
    """How every longer path that a prefix covers begins."""
    return prefix[:-1] if prefix.endswith("*") else f"{prefix}/"
