"""The workspaces of tasks as places that gates, cleanup and rankings may be sent to."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from lemnos.domains.tasks.model import Status, resting
from lemnos.domains.tasks.store import TaskStore
from lemnos.domains.workspaces.places import TaskPlace
from lemnos.domains.workspaces.service import WorkspaceService
from lemnos.kernel import ids
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Conflict, NotFound


class WorkspacePlaces:
    """A :class:`~lemnos.domains.workspaces.places.TaskPlaces` of this node's workspaces."""

    def __init__(self, store: TaskStore, workspaces: WorkspaceService) -> None:
        self._store = store
        self._workspaces = workspaces

    @asynccontextmanager
    async def find(self, ctx: Context, task_id: str) -> AsyncGenerator[TaskPlace, None]:
        """See :class:`~lemnos.domains.workspaces.places.TaskPlaces`."""
        task = await self._store.get(ctx.tenant, ids.uuid_of_task(task_id))
        if task is None:
            raise NotFound(f"There is no task {task_id}.", code="task_not_found")
        if not (resting(task.status) or task.status is Status.CREATING_PR):
            message = "The task is at work in its workspace; wait until it has ended."
            raise Conflict(message, code="task_busy", details={"status": task.status.value})
        workspace = await self._workspaces.present(task.id)
        if workspace is None or not await self._workspaces.renew(task.id):
            message = f"The workspace of task {task_id} has expired, or is on another node."
            raise NotFound(message, code="workspace_not_found")
        yield TaskPlace(workspace.checkout)
        await self._workspaces.renew(task.id)
