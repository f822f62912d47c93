"""Parameters of paths and queries, and the idioms of handlers, that several headings share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from lemnos.api.kit.fields import NO_NUL
from lemnos.kernel import clock
from lemnos.kernel.errors import Invalid

_MOST = 9_000_000_000_000_000  # what databases count up to

AgentIdPath = Annotated[str, Path(max_length=100)]
TaskIdPath = Annotated[str, Path(max_length=64)]
ThingId = Annotated[str, Path(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=100)]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000)]
Word = Annotated[str, Query(max_length=500, pattern=NO_NUL)]


def moment(name: str, text: str) -> int | None:
    """An RFC 3339 time of a query as microseconds; None when it is left out."""
    if not text:
        return None
    try:
        # A "+" of an offset that was not escaped arrives as a blank.
        found = clock.parse_iso(text.replace(" ", "+") if "T" in text else text)
    except (ValueError, OverflowError) as error:
        problem = "must be a time as in RFC 3339, such as 2025-11-29T21:00:00Z"
        raise Invalid(f"{name} {problem}.", fields={name: problem}) from error
    return max(0, min(found, _MOST))
