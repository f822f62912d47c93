"""Refactorings: ``client.refactor(…)`` and ``client.refactorings``."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, overload

from lemnos_sdk._call import IO, Call, Resource, given, operation, path
from lemnos_sdk._errors import TaskCancelledError, TaskFailedError
from lemnos_sdk._pages import Pages
from lemnos_sdk._waiting import Wait, wait
from lemnos_sdk.orchex._orchex import delete, get, listing, post
from lemnos_sdk.orchex.models import Refactoring, RefactoringCancelled, RefactoringStarted
from lemnos_sdk.orchex.params import PullRequestOptions

if TYPE_CHECKING:
    from lemnos_sdk._transport import Async, Sync

ROOT = "/v1/refactor"
RESTING = frozenset({"completed", "rolled_back", "failed", "cancelled"})


class Refactorings(Resource[IO]):
    """``client.refactorings``."""

    @operation
    def apply(
        self,
        opportunity_id: str,
        *,
        dry_run: bool | None = None,
        create_pr: bool | None = None,
        pr_options: PullRequestOptions | None = None,
        agent_id: str | None = None,
        provider_key: str | None = None,
    ) -> Call[RefactoringStarted]:
        """Carry out an opportunity of an analysis; a dry run changes nothing and gives the diff.

        Raises ConflictError (code ``file_changed``) when the file is not what was analysed.
        """
        body = given(
            opportunity_id=opportunity_id,
            dry_run=dry_run,
            create_pr=create_pr,
            pr_options=pr_options,
            agent_id=agent_id,
            provider_key=provider_key,
        )
        return post(ROOT, RefactoringStarted, body)

    @operation
    def get(self, refactoring_id: str) -> Call[Refactoring]:
        """A refactoring as it is now."""
        return get(path(ROOT, refactoring_id), Refactoring)

    def list(self, *, limit: int | None = None) -> Pages[Refactoring, IO]:
        """The refactorings, the newest first; ``limit`` is the size of a page."""
        return Pages(self._io, listing(ROOT, "refactorings", Refactoring, limit=limit))

    @operation
    def cancel(self, refactoring_id: str) -> Call[RefactoringCancelled]:
        """Cancel a refactoring."""
        return delete(path(ROOT, refactoring_id), RefactoringCancelled)

    @overload
    def wait(
        self: Refactorings[Sync], refactoring_id: str, timeout: float | None = None
    ) -> Refactoring: ...
    @overload
    def wait(
        self: Refactorings[Async], refactoring_id: str, timeout: float | None = None
    ) -> Coroutine[Any, Any, Refactoring]: ...
    def wait(self, refactoring_id: str, timeout: float | None = None) -> Any:
        """The refactoring when it has ended, also when it was rolled back; ``timeout`` in seconds.

        Raises TaskFailedError, TaskCancelledError and WaitTimeoutError.
        """
        look = Refactorings.get.describe(self, refactoring_id)
        return wait(self._io, Wait(look, _rests, _concluded), timeout)


def _rests(found: Refactoring) -> bool:
    return found.status in RESTING


def _concluded(found: Refactoring, _explanation: object) -> Refactoring:
    if found.status == "cancelled":
        raise TaskCancelledError(f"{found.refactoring_id} was cancelled.", found)
    if found.status == "failed":
        raise TaskFailedError(f"{found.refactoring_id} failed: {found.error}", found)
    return found
