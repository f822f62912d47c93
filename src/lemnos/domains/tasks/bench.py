"""What the durable jobs of tasks work with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from lemnos.domains.tasks import events
from lemnos.domains.tasks.credentials import Credentials
from lemnos.domains.tasks.model import Task
from lemnos.domains.tasks.recording import Recorder
from lemnos.domains.tasks.store import TaskStore
from lemnos.domains.workspaces.model import Workspace
from lemnos.domains.workspaces.ports import Git
from lemnos.domains.workspaces.service import WorkspaceService
from lemnos.engine import Steps
from lemnos.kernel.errors import LemnosError
from lemnos.platform.db import Database, Tx

T = TypeVar("T")
_CANCEL_POLL = 1.0  # seconds until a cancel is noticed, at most


@dataclass(frozen=True, slots=True)
class Bench:
    """The tools that each job takes up."""

    db: Database
    store: TaskStore
    recorder: Recorder
    workspaces: WorkspaceService
    git: Git
    credentials: Credentials

    async def fenced(self, steps: Steps, work: Callable[[Tx], Awaitable[object]]) -> None:
        """Run the work in a transaction, unless the job has gone to another node."""

        async def body(tx: Tx) -> None:
            await steps.fence(tx)
            await work(tx)

        await self.db.write(body)

    async def task(self, tenant: str, task_id: str) -> Task:
        """The task of a job."""
        task = await self.store.get(tenant, task_id)
        if task is None:
            raise LemnosError("The task of this job does not exist.", code="task_not_found")
        return task

    async def workspace(self, steps: Steps, task: Task, *, anew: bool = False) -> Workspace:
        """The task's workspace on this node; made where it is not, or no longer, or ``anew``."""
        if not anew and (found := await self.held_workspace(task.id)) is not None:
            return found
        branch = task.config.target_branch
        await self.fenced(steps, lambda tx: self.recorder.cloning(tx, task, branch))
        begun = time.monotonic()
        remote = await self.credentials.remote(task)
        made = await self.workspaces.make(task.tenant, task.id, remote, branch, anew=anew)
        seconds = time.monotonic() - begun
        told = events.workspace_ready(task, made.checkout, seconds)
        await self.fenced(steps, lambda tx: self.recorder.note(tx, task, told))
        return made

    async def unless_cancelled(self, task: Task, work: Coroutine[Any, Any, T]) -> T | None:
        """Do the work, or leave it soon after a cancel: a git host may never answer."""
        working = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({working}, timeout=_CANCEL_POLL))[0]:
                current = await self.task(task.tenant, task.id)
                if current.cancel_requested_at is not None:
                    return None
            return await working
        finally:
            working.cancel()
            await asyncio.wait({working})

    async def held_workspace(self, task_id: str) -> Workspace | None:
        """The task's workspace on this node, kept from being removed; None if it is not here."""
        found = await self.workspaces.present(task_id)
        return found if found is not None and await self.workspaces.hold(task_id) else None
