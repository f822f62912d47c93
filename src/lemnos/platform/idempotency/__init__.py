"""A request that is sent again is answered again, and done once."""

from lemnos.platform.idempotency.model import (
    IdempotencyKeyReused,
    Once,
    Reply,
    RequestInFlight,
)
from lemnos.platform.idempotency.replies import Replies

__all__ = ["IdempotencyKeyReused", "Once", "Replies", "Reply", "RequestInFlight"]
