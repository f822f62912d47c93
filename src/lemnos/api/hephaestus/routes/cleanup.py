"""Cleanup."""

from __future__ import annotations

from starlette.responses import Response

from lemnos.api.hephaestus import examples, wire
from lemnos.api.hephaestus.waiting import ACCEPTED, carry_out
from lemnos.api.kit.describe import body_like
from lemnos.api.kit.operation import CoreDep, Ctx, OnceDep, needs, operations
from lemnos.api.kit.prefer import PreferDep
from lemnos.domains.cleanup.service import NewCleanup

router = operations("Hephaestus: cleanup", prefix="/api/v1/cleanup")


@router.post(
    "",
    response_model=wire.Cleaned,
    responses={**examples.CLEANED, **ACCEPTED},
    summary="Clean a folder",
    **needs("cleanup:write", **body_like(examples.CLEAN)),
)
async def clean(
    core: CoreDep, ctx: Ctx, once: OnceDep, prefer: PreferDep, body: wire.Clean | None = None
) -> Response:
    """Remove what systems and, with `deep_clean`, tools have left; never what git tracks.

    A dry run tells what would go. 202 with a task to follow as for gates.
    """
    body = body or wire.Clean()
    asked = NewCleanup(
        root=body.root,
        task_id=body.task_id,
        deep_clean=body.deep_clean,
        dry_run=body.dry_run,
    )
    operation = await core.cleanup.draft(ctx, asked)
    return await carry_out(core, ctx, operation, prefer.or_async(body.respond_async), once)
