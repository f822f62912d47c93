"""Time as the whole system keeps it: integer microseconds since the Unix epoch, in UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> int:
    """The current time in microseconds since the epoch."""
    return time.time_ns() // 1_000


def iso(us: int) -> str:
    """RFC 3339 in UTC with microseconds, e.g. ``2025-01-15T10:30:00.000000Z``."""
    seconds, micros = divmod(us, SECOND)
    return f"{_to_the_second(seconds)}.{micros:06d}Z"


@lru_cache(maxsize=256)  # times that are shown are mostly of the last few seconds
def _to_the_second(seconds: int) -> str:
    moment = time.gmtime(seconds)
    return (
        f"{moment.tm_year:04d}-{moment.tm_mon:02d}-{moment.tm_mday:02d}"
        f"T{moment.tm_hour:02d}:{moment.tm_min:02d}:{moment.tm_sec:02d}"
    )


def iso_or_none(us: int | None) -> str | None:
    """Like :func:`iso`, passing ``None`` through."""
    return None if us is None else iso(us)


def parse_iso(text: str) -> int:
    """Microseconds of an RFC 3339 time; a time without an offset is taken as UTC.

    Raises ``ValueError`` when the text is no such time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)
