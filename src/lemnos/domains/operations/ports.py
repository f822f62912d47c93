"""What carries out operations of a kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from lemnos.domains.operations.model import Operation

# How far it is (0 to 1), and what happened: an event's name and its data (JSON). An empty name
# tells of progress alone: no event is written, and the row not more often than is of use, so it
# may be called for every file. ``stage`` of the data is what is done now, in a few words.
Report = Callable[[float, str, Mapping[str, Any]], Awaitable[None]]


class Work(Protocol):
    """Carries out operations of one kind, in a durable job.

    It may be called again after a crash, from the beginning. A ``LemnosError`` that leaves it is
    the operation's failure, for the caller to read. A cancel cancels the call, which then ends
    whatever it has started.
    """

    async def __call__(self, operation: Operation, report: Report) -> Mapping[str, Any]:
        """The operation's result, in the documented words."""
        ...
