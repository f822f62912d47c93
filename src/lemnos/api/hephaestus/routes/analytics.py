"""Analytics: which files are worth a refactoring."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from lemnos.api.hephaestus import examples, present, wire
from lemnos.api.hephaestus.params import Days, Folder, Limit, TaskId
from lemnos.api.kit import gates
from lemnos.api.kit.answers import answer, from_reply, reply
from lemnos.api.kit.describe import body_like
from lemnos.api.kit.operation import CoreDep, Ctx, OnceDep, needs, operations
from lemnos.domains.analytics.model import DEFAULT_DAYS, DEFAULT_LIMIT, Kind, Strategy, Where
from lemnos.domains.analytics.plain import plain_hotspots, plain_rankings

router = operations("Hephaestus: analytics", prefix="/api/v1/analytics")


@router.get(
    "/rankings",
    response_model=wire.Rankings,
    responses=examples.RANKINGS,
    summary="Get refactoring rankings",
    **needs("analytics:read"),
)
async def get_rankings(
    core: CoreDep,
    ctx: Ctx,
    strategy: Annotated[wire.Strategy, Query()] = "composite",
    limit: Limit = DEFAULT_LIMIT,
    workspace: Folder = "",
    task_id: TaskId = "",
    days: Days = DEFAULT_DAYS,
) -> Response:
    """The files of a repository, the most worthwhile first, with each term of their scores."""
    where = Where(workspace, task_id)
    found = await core.analytics.rankings(
        ctx, where, strategy=Strategy(strategy), limit=limit, days=days
    )
    return answer(plain_rankings(found))


@router.get(
    "/hotspots",
    response_model=wire.Hotspots,
    responses=examples.HOTSPOTS,
    summary="Get hotspots",
    **needs("analytics:read"),
)
async def get_hotspots(
    core: CoreDep,
    ctx: Ctx,
    limit: Limit = DEFAULT_LIMIT,
    workspace: Folder = "",
    task_id: TaskId = "",
    days: Days = DEFAULT_DAYS,
) -> Response:
    """Files that are complicated and often changed, who knows them, and what changes with them."""
    where = Where(workspace, task_id)
    found = await core.analytics.hotspots(ctx, where, limit=limit, days=days)
    return answer(plain_hotspots(found))


@router.post(
    "/rankings/refactor",
    status_code=201,
    response_model=wire.RefactoringTask,
    responses=examples.REFACTORING,
    summary="Have a file of the rankings refactored",
    **needs("tasks:write", **body_like(examples.REFACTOR)),
)
async def refactor_ranked(
    body: wire.RefactorRanked, core: CoreDep, ctx: Ctx, once: OnceDep
) -> Response:
    """Make a task for an agent of one entry, with what was measured in its prompt."""
    ctx.principal.demand("analytics:read")
    new = await core.analytics.refactoring_task(
        ctx,
        Where(body.workspace, body.task_id),
        body.path,
        strategy=Strategy(body.strategy),
        days=body.days,
        instructions=body.instructions,
        gates=gates.asked(body.gates),
    )
    task = await core.tasks.draft(ctx, new)
    kept = await core.door.reply(
        ctx,
        "task.create",
        lambda tx: core.tasks.create(tx, ctx, task),
        lambda made: reply(present.refactoring_task(made, body.path), 201),
        once=once,
        target=task.id,
    )
    return from_reply(kept)


@router.post(
    "/ingest",
    response_model=wire.Ingested,
    responses=examples.INGESTED,
    summary="Take in measurements",
    **needs("analytics:write", **body_like(examples.INGEST)),
)
async def ingest(body: wire.Ingest, core: CoreDep, ctx: Ctx, once: OnceDep) -> Response:
    """Coverage or churn by file from another system; in place of what that source has sent before.

    Coverage needs `covered` and `total` lines of each file, churn `churn` lines and `revisions`.
    """
    content = present.measured(body)
    kept = await core.door.reply(
        ctx,
        "analytics.ingest",
        lambda tx: core.analytics.ingest(
            tx, ctx, body.workspace, Kind(body.kind), body.source, body.commit, content
        ),
        lambda made: reply(present.ingested(made)),
        once=once,
        target=lambda made: made.workspace,
        detail={"kind": body.kind, "source": body.source, "files": len(content)},
    )
    return from_reply(kept)
