"""The events of an operation, as its stream shows them; and where they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from lemnos.domains.operations.model import Operation
from lemnos.kernel import clock
from lemnos.platform.events.port import NewEvent

KIND = "operation"  # the type of all of them
STARTED, CANCEL_REQUESTED, ENDED = "started", "cancel_requested", "ended"

_encode = msgspec.json.Encoder().encode


def stream_of(operation_id: str) -> str:
    """The name of an operation's stream in the log."""
    return f"operation:{operation_id}"


def started(operation: Operation, *, again: bool) -> NewEvent:
    """Its work begins; ``again``: anew, as it was cut off."""
    return _event(STARTED, {"kind": operation.kind.value, "again": again})


def reported(name: str, progress: float, data: Mapping[str, Any]) -> NewEvent:
    """What the work tells of itself."""
    return _event(name, {"progress": progress, **data})


def cancel_requested(by: str) -> NewEvent:
    """Somebody wants it to end."""
    return _event(CANCEL_REQUESTED, {"by": by})


def ended(operation: Operation) -> NewEvent:
    """Nothing more will happen to it."""
    data: dict[str, Any] = {"status": operation.status.value, "progress": operation.progress}
    if operation.error:
        data |= {"error": operation.error, "code": operation.error_code}
    return _event(ENDED, data)


def _event(name: str, data: Mapping[str, Any]) -> NewEvent:
    return NewEvent(KIND, name, _encode(data), clock.now())
