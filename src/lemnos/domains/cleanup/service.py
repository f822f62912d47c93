"""Cleanups as operations that anyone may start and follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lemnos.domains.cleanup.model import plain_cleaned
from lemnos.domains.cleanup.ports import Cleaner
from lemnos.domains.operations.model import Kind, Operation
from lemnos.domains.operations.ports import Report
from lemnos.domains.operations.service import OperationService
from lemnos.domains.workspaces.places import Places, TaskPlaces
from lemnos.kernel.background import cancelled
from lemnos.kernel.context import Context, system_context
from lemnos.kernel.errors import Invalid, Unprocessable

_TELL = 0.5  # seconds between two events of progress


@dataclass(frozen=True, slots=True)
class NewCleanup:
    """What to clean: a folder by its path, or the workspace of a task at rest.

    Neither: the folder that the server has for calls that name none.
    """

    root: str = ""
    task_id: str = ""
    deep_clean: bool = False
    dry_run: bool = False


class CleanupService:
    """Drafts cleanups, and carries them out.

    The result is the manifest as ``plain_cleaned`` has it. The audit entry of the operation's end
    holds its counts and its digest, so that the kept manifest is evidence of what was removed.
    """

    def __init__(
        self,
        operations: OperationService,
        places: Places,
        tasks: TaskPlaces,
        cleaner: Cleaner,
    ) -> None:
        self._operations = operations
        self._places = places
        self._tasks = tasks
        self._cleaner = cleaner
        operations.register(Kind.CLEANUP, self.carry_out)

    async def draft(self, ctx: Context, asked: NewCleanup) -> Operation:
        """Check what is asked for and make an operation of it, not stored yet.

        Raises ``Invalid`` with field ``root`` for a folder that may not be named, and what
        ``TaskPlaces.find`` raises for a task's.
        """
        if asked.root and asked.task_id:
            raise _both()
        root = ""
        if asked.task_id:
            async with self._tasks.find(ctx, asked.task_id):
                pass
        else:
            root = str(await asyncio.to_thread(self._named, asked.root))
        request = {
            "root": root,
            "task_id": asked.task_id,
            "deep_clean": asked.deep_clean,
            "dry_run": asked.dry_run,
        }
        return self._operations.draft(ctx, Kind.CLEANUP, request)

    async def carry_out(self, operation: Operation, report: Report) -> Mapping[str, Any]:
        """Clean; see ``operations.ports.Work``. The place is looked up again, as it may change."""
        asked = operation.request
        progress = _Progress(report, dry_run=asked["dry_run"])
        telling = asyncio.create_task(progress.tell())
        try:
            async with self._root(operation) as root:
                cleaned = await self._cleaner.clean(
                    root,
                    deep_clean=asked["deep_clean"],
                    dry_run=asked["dry_run"],
                    on_progress=progress,
                )
        finally:
            await cancelled(telling)
        return plain_cleaned(cleaned)

    @asynccontextmanager
    async def _root(self, operation: Operation) -> AsyncGenerator[Path, None]:
        task_id = operation.request["task_id"]
        if not task_id:
            yield await asyncio.to_thread(self._named, operation.request["root"])
            return
        ctx = system_context(operation.tenant, operation.id)
        async with self._tasks.find(ctx, task_id) as place:
            if not (place.root / ".git").exists():
                message = "The agent has removed the repository of its workspace, so that nobody"
                message += " can tell which files are tracked."
                raise Unprocessable(message, code="repository_unreadable")
            yield place.root

    def _named(self, root: str) -> Path:
        return self._places.find(root, field="root")


class _Progress:
    """Hears from the cleaner's thread how far it is, and tells it from the event loop."""

    def __init__(self, report: Report, *, dry_run: bool) -> None:
        self._report = report
        self._done = "would go" if dry_run else "removed"
        self._latest = self._told = (0.0, 0)

    def __call__(self, share: float, files: int) -> None:
        """See ``cleanup.ports.OnProgress``."""
        self._latest = (share, files)

    async def tell(self) -> None:
        """Report what is new, again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(_TELL)
            if self._latest != self._told:
                share, files = self._told = self._latest
                data = {"files_deleted": files, "stage": f"{files:,} files {self._done}"}
                await self._report(share, "progress", data)


def _both() -> Invalid:
    problem = "must not be given together with task_id"
    return Invalid(f"root {problem}.", fields={"root": problem})
