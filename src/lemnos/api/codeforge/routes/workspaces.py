"""Workspaces: checkouts on disk."""

from __future__ import annotations

from starlette.responses import Response

from lemnos.api.codeforge import examples, present, wire
from lemnos.api.codeforge.routes.tasks import TaskId
from lemnos.api.kit.answers import answer
from lemnos.api.kit.operation import CoreDep, Ctx, needs, operations

router = operations("Workspaces", prefix="/api/v1/workspaces")


@router.get(
    "",
    response_model=wire.WorkspaceList,
    responses=examples.WORKSPACES,
    summary="List workspaces",
    **needs("workspaces:read"),
)
async def list_workspaces(core: CoreDep, ctx: Ctx) -> Response:
    """The tenant's workspaces with their sizes, expiry, and what their tasks do."""
    found = await core.workspaces.list(ctx)
    statuses = await core.tasks.statuses(ctx, [workspace.task_id for workspace in found])
    return answer(present.workspaces(found, statuses))


@router.delete(
    "/{task_id}",
    response_model=wire.WorkspaceDeleted,
    responses=examples.WORKSPACE_DELETED,
    summary="Delete a workspace",
    **needs("workspaces:write"),
)
async def delete_workspace(task_id: TaskId, core: CoreDep, ctx: Ctx) -> Response:
    """Free the disk; 409 while the task is at work. A later follow-up checks out again."""
    await core.door.do(
        ctx,
        "workspace.delete",
        lambda tx: core.workspaces.remove(tx, ctx, task_id),
        target=task_id,
    )
    return answer({"task_id": task_id, "message": "Workspace deleted."})
