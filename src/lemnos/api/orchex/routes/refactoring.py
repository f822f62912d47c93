"""Refactoring operations."""

from __future__ import annotations

from starlette.responses import Response

from lemnos.api.kit.answers import from_reply
from lemnos.api.kit.describe import body_like
from lemnos.api.kit.operation import CoreDep, Ctx, OnceDep, needs, operations
from lemnos.api.orchex.envelope import answer_of, reply_of
from lemnos.api.orchex.examples import refactoring as examples
from lemnos.api.orchex.params import Limit, Offset, ThingId
from lemnos.api.orchex.present import refactoring as present
from lemnos.api.orchex.wire import refactoring as wire
from lemnos.api.orchex.wire.common import Success

router = operations("ORCHEX: refactoring", prefix="/v1/refactor")


@router.post(
    "",
    status_code=202,
    response_model=Success[wire.RefactoringStarted],
    responses=examples.STARTED,
    summary="Apply a refactoring",
    **needs("refactorings:write", **body_like(examples.APPLY)),
)
async def apply_refactoring(
    body: wire.ApplyRefactoring, core: CoreDep, ctx: Ctx, once: OnceDep
) -> Response:
    """Carry out an opportunity and check the result; 409 when its file has changed since."""
    refactoring = await core.refactorings.draft(ctx, present.new_refactoring(body))
    expected = await core.refactorings.expected_end(ctx, refactoring)
    kept = await core.door.reply(
        ctx,
        "refactoring.start",
        lambda tx: core.refactorings.start(tx, ctx, refactoring),
        lambda made: reply_of(ctx, present.started(made, expected), 202),
        once=once,
        target=refactoring.id,
    )
    return from_reply(kept)


@router.get(
    "/{refactoring_id}",
    response_model=Success[wire.RefactoringDetails],
    responses=examples.REFACTORING,
    summary="Get a refactoring",
    **needs("refactorings:read"),
)
async def get_refactoring(refactoring_id: ThingId, core: CoreDep, ctx: Ctx) -> Response:
    """Its changes, the safety report, the pull request, and what it did to the file's score."""
    return answer_of(ctx, present.details(await core.refactorings.get(ctx, refactoring_id)))


@router.get(
    "",
    response_model=Success[wire.RefactoringPage],
    responses=examples.REFACTORINGS,
    summary="List refactorings",
    **needs("refactorings:read"),
)
async def list_refactorings(
    core: CoreDep, ctx: Ctx, limit: Limit = 50, offset: Offset = 0
) -> Response:
    """Refactorings, the newest first."""
    page = await core.refactorings.page(ctx, limit=limit, offset=offset)
    return answer_of(ctx, present.page(page, limit, offset))


@router.delete(
    "/{refactoring_id}",
    response_model=Success[wire.RefactoringCancelled],
    responses=examples.CANCELLED,
    summary="Cancel a refactoring",
    **needs("refactorings:write"),
)
async def cancel_refactoring(refactoring_id: ThingId, core: CoreDep, ctx: Ctx) -> Response:
    """End it, with nothing left of it; 409 when it has ended already."""
    found = await core.door.do(
        ctx,
        "refactoring.cancel",
        lambda tx: core.refactorings.cancel(tx, ctx, refactoring_id),
        target=refactoring_id,
    )
    return answer_of(ctx, present.cancelled(found))
