"""Runs of gates and cleanups: follow, wait for, cancel."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, overload

from lemnos_sdk._call import IO, Call, Resource, operation, path
from lemnos_sdk._errors import TaskCancelledError, TaskFailedError
from lemnos_sdk._events import EventStream
from lemnos_sdk._model import reader
from lemnos_sdk._waiting import Wait, wait
from lemnos_sdk.hephaestus.models import Cancelling, Cleaned, GuardRails, OperationStatus

if TYPE_CHECKING:
    from lemnos_sdk._transport import Async, Sync

ROOT = "/api/v1/tasks"
_ENDED = frozenset({"completed", "failed", "cancelled"})


class Operations(Resource[IO]):
    """``client.operations``: runs by their ids."""

    @operation
    def get(self, task_id: str) -> Call[OperationStatus]:
        """A run as it is now, with its result once it has completed."""
        return Call("GET", path(ROOT, task_id), reader(OperationStatus))

    @operation
    def cancel(self, task_id: str) -> Call[Cancelling]:
        """End a run and its tools. Raises ConflictError when it has ended."""
        return Call("POST", path(ROOT, task_id, "cancel"), reader(Cancelling))

    def stream(self, task_id: str, *, after: str = "") -> EventStream[IO]:
        """The run's events from the beginning, or after one of them, to its end."""
        return EventStream(self._io, path(ROOT, task_id, "stream"), after)


class Run(Resource[IO]):
    """A handle of a run."""

    def __init__(self, io: IO, task_id: str) -> None:
        super().__init__(io)
        self._operations = Operations(io)
        self.id = task_id

    @operation
    def get(self) -> Call[OperationStatus]:
        """As it is now."""
        return Operations.get.describe(self._operations, self.id)

    @operation
    def cancel(self) -> Call[Cancelling]:
        """End it and its tools."""
        return Operations.cancel.describe(self._operations, self.id)

    def stream(self, *, after: str = "") -> EventStream[IO]:
        """Its events, such as each gate as it begins and ends."""
        return self._operations.stream(self.id, after=after)

    def _awaited(self, read: Callable[[Any], Any], timeout: float | None) -> Any:
        look = Run.get.describe(self)

        def conclude(found: OperationStatus, _explanation: object) -> Any:
            return read(_result(found))

        stream = path(ROOT, self.id, "stream")
        return wait(self._io, Wait(look, _rests, conclude, stream=stream), timeout)


class GuardRailsRun(Run[IO]):
    """A handle of a run of gates."""

    @overload
    def wait(self: GuardRailsRun[Sync], timeout: float | None = None) -> GuardRails: ...
    @overload
    def wait(
        self: GuardRailsRun[Async], timeout: float | None = None
    ) -> Coroutine[Any, Any, GuardRails]: ...
    def wait(self, timeout: float | None = None) -> Any:
        """What the gates say, also when they fail; ``timeout`` in seconds.

        Raises TaskFailedError when they could not be run, TaskCancelledError, and
        WaitTimeoutError; the run goes on after the last.
        """
        return self._awaited(reader(GuardRails), timeout)


class CleanupRun(Run[IO]):
    """A handle of a cleanup."""

    @overload
    def wait(self: CleanupRun[Sync], timeout: float | None = None) -> Cleaned: ...
    @overload
    def wait(
        self: CleanupRun[Async], timeout: float | None = None
    ) -> Coroutine[Any, Any, Cleaned]: ...
    def wait(self, timeout: float | None = None) -> Any:
        """What went, with the manifest; errors as for runs of gates."""
        return self._awaited(reader(Cleaned), timeout)


def _rests(found: OperationStatus) -> bool:
    return found.status in _ENDED


def _result(found: OperationStatus) -> Mapping[str, Any]:
    if found.status == "cancelled":
        raise TaskCancelledError(f"{found.task_id} was cancelled.", found)
    if found.status == "failed":
        raise TaskFailedError(f"{found.task_id} failed: {found.error}", found)
    return found.result or {}
