"""What one HTTP request is recognised by, and the answer that is kept for it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import msgspec

from lemnos.kernel.context import Context
from lemnos.kernel.errors import Conflict, Unprocessable


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it goes over the wire.

    ``replayed`` marks one that was given before. A ``confidential`` body holds a secret: it is
    kept only sealed.
    """

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    replayed: bool = False
    confidential: bool = False


@dataclass(frozen=True, slots=True)
class Once:
    """The idempotency of one HTTP request.

    ``key`` is the header ``Idempotency-Key``, ``operation`` the method and path, ``digest``
    identifies the rest of what was asked: query and body.
    """

    key: str
    operation: str
    digest: bytes


class IdempotencyKeyReused(Unprocessable):
    """The key was used before, for a request with another body."""

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for a request with another body. Use a new key.",
            code="idempotency_key_reused",
        )


class RequestInFlight(Conflict):
    """The first request with this key is still being worked on."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(
            "The first request with this Idempotency-Key has not been answered yet.",
            code="idempotency_in_flight",
            retry_after=retry_after,
        )


def scope_of(ctx: Context, once: Once) -> bytes:
    """Where a key counts: one caller of one tenant, one operation. 32 bytes.

    A digest, as it makes one short column to look up, and the key itself, which a client may
    have made of anything, is not kept.
    """
    parts = (ctx.tenant, ctx.principal.subject, once.operation, once.key)
    return sha256(msgspec.json.encode(parts)).digest()
