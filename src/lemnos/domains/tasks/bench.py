"""What the durable jobs of tasks work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lemnos.domains.tasks.credentials import Credentials
from lemnos.domains.tasks.recording import Recorder
from lemnos.domains.tasks.store import TaskStore
from lemnos.domains.workspaces.model import Workspace
from lemnos.domains.workspaces.ports import Git
from lemnos.domains.workspaces.service import WorkspaceService
from lemnos.engine import Steps
from lemnos.platform.db import Database, Tx


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

    async def held_workspace(self, task_id: str) -> Workspace | None:
        """The task's workspace on this node, kept from being removed; None if it is not here."""
        found = await self.workspaces.present(task_id)
        return found if found is not None and await self.workspaces.hold(task_id) else None
