"""The kinds of failure that a use case may end in. Each API turns a kind into its own dialect."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    """What went wrong, seen from the caller; independent of any protocol."""

    VALIDATION = "validation"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    UNPROCESSABLE = "unprocessable"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    INTERNAL = "internal"


class LemnosError(Exception):
    """A failure with a kind, a message for people, and details for programs.

    ``fields`` maps a field's name to what is wrong with it (validation only).
    ``retry_after`` is in seconds, for kinds that pass by themselves.
    ``code`` narrows the kind (``task_busy``); dialects that have codes of their own may show it.
    """

    kind: Kind = Kind.INTERNAL

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        fields: Mapping[str, str] | None = None,
        details: Mapping[str, object] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.kind.value
        self.fields = dict(fields or {})
        self.details = dict(details or {})
        self.retry_after = retry_after


class Invalid(LemnosError):
    """The request is wrong in itself."""

    kind = Kind.VALIDATION


class Unauthenticated(LemnosError):
    """No credential, or one that is not valid."""

    kind = Kind.UNAUTHENTICATED


class Forbidden(LemnosError):
    """The caller is known, and may not do this."""

    kind = Kind.FORBIDDEN


class NotFound(LemnosError):
    """No such thing in the caller's tenant."""

    kind = Kind.NOT_FOUND


class Conflict(LemnosError):
    """The thing is in a state that does not allow this."""

    kind = Kind.CONFLICT


class Unprocessable(LemnosError):
    """A business rule forbids it."""

    kind = Kind.UNPROCESSABLE


class TooLarge(LemnosError):
    """The request's body is over the limit."""

    kind = Kind.TOO_LARGE


class RateLimited(LemnosError):
    """Too many requests; ``retry_after`` says when the next one is welcome."""

    kind = Kind.RATE_LIMITED


class Unavailable(LemnosError):
    """Something that Lemnos depends on is away for the moment."""

    kind = Kind.UNAVAILABLE


class TimedOut(LemnosError):
    """Something took longer than it may."""

    kind = Kind.TIMEOUT
