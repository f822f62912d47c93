"""Operations: their states and what they hold. Pure.

The word is that of long-running operations in API design (Google's AIP-151): Hephaestus calls
them tasks, which here are work for agents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lemnos.kernel.errors import Conflict, LemnosError
from lemnos.kernel.errors import Kind as ErrorKind


class Kind(StrEnum):
    """What an operation does."""

    GUARD_RAILS = "guard_rails"
    CLEANUP = "cleanup"


class Status(StrEnum):
    """Where an operation is, in the words of the Hephaestus document."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation. ``id`` is ``task-`` and 26 characters, as Hephaestus shows it.

    ``request`` is what was asked, checked; ``result`` what came of it, in the documented words.
    ``progress`` goes from 0 to 1 and never falls, ``stage`` says in a few words what is done now.
    ``error`` is for people, ``error_code`` for programs; ``error_kind`` and ``error_fields`` say
    what kind of failure it is and of which fields. Times in microseconds.
    """

    id: str
    tenant: str
    created_by: str
    kind: Kind
    status: Status
    request: Mapping[str, Any]
    created_at: int
    trace_id: str = ""
    progress: float = 0.0
    stage: str = ""
    result: Mapping[str, Any] | None = None
    error: str = ""
    error_code: str = ""
    error_kind: str = ""
    error_fields: Mapping[str, str] = field(default_factory=dict)
    cancel_requested_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)  # for the audit log

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED

    @property
    def failure(self) -> LemnosError:
        """Why it did not complete, to be raised to a caller who has waited for it."""
        if self.status is Status.CANCELLED:
            return Conflict("The operation was cancelled.", code="cancelled")
        failure = LemnosError(self.error, code=self.error_code, fields=self.error_fields)
        failure.kind = ErrorKind(self.error_kind or ErrorKind.INTERNAL)
        return failure
