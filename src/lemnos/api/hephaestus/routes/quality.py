"""Quality gates."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

import lemnos
from lemnos.api.hephaestus import examples, present, wire
from lemnos.api.hephaestus.params import Cursor, Limit, OperationId
from lemnos.api.hephaestus.waiting import ACCEPTED, carry_out
from lemnos.api.kit.answers import answer, encode
from lemnos.api.kit.core import Core
from lemnos.api.kit.describe import body_like
from lemnos.api.kit.operation import CoreDep, Ctx, OnceDep, needs, operations
from lemnos.api.kit.prefer import PreferDep
from lemnos.domains.operations.model import Kind, Operation, Status
from lemnos.domains.quality.sarif import sarif_of_plain
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Conflict, NotFound

router = operations("Hephaestus: quality gates", prefix="/api/v1/quality/guard-rails")
_SARIF, _XML = "application/sarif+json", "application/xml"


def _file(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {"schema": {"type": "string"}}}}}


@router.post(
    "",
    response_model=wire.GuardRails,
    responses={**examples.GUARD_RAILS, **ACCEPTED},
    summary="Run the gates of a project",
    **needs("quality:write", **body_like(examples.RUN_GUARD_RAILS)),
)
async def run_guard_rails(
    core: CoreDep,
    ctx: Ctx,
    once: OnceDep,
    prefer: PreferDep,
    body: wire.RunGuardRails | None = None,
) -> Response:
    """Judge a folder, or the workspace of a task at rest; 200 also when gates fail.

    With `"async": true` or `Prefer: respond-async` the answer is 202 with a task to follow;
    `Prefer: respond-async, wait=10` waits for so many seconds first.
    """
    body = body or wire.RunGuardRails()
    operation = await core.guard_rails.draft(ctx, present.new_guard_rails(body))
    return await carry_out(core, ctx, operation, prefer.or_async(body.respond_async), once)


@router.get(
    "",
    response_model=wire.OperationPage,
    responses=examples.OPERATIONS,
    summary="List runs of gates",
    **needs("quality:read"),
)
async def list_guard_rails(
    core: CoreDep,
    ctx: Ctx,
    status: Annotated[wire.Status | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response:
    """Runs without their results, the newest first. ``cursor`` takes a page's ``next``."""
    page = await core.operations.page(
        ctx,
        kind=Kind.GUARD_RAILS.value,
        status=status or "",
        limit=limit,
        after=cursor,
    )
    return answer(present.operations(page, limit))


@router.get(
    "/{task_id}/sarif",
    response_class=Response,
    responses=_file(_SARIF),
    summary="Get the findings of a run as SARIF",
    **needs("quality:read"),
)
async def get_sarif(task_id: OperationId, core: CoreDep, ctx: Ctx) -> Response:
    """A SARIF 2.1.0 log with a run for each tool, as code scanning takes it."""
    found = await _completed(core, ctx, task_id)
    log = sarif_of_plain(
        found.result or {}, root=found.request["workspace"], version=lemnos.__version__
    )
    return Response(encode(log), media_type=_SARIF)


@router.get(
    "/{task_id}/junit",
    response_class=Response,
    responses=_file(_XML),
    summary="Get the gates of a run as JUnit XML",
    **needs("quality:read"),
)
async def get_junit(task_id: OperationId, core: CoreDep, ctx: Ctx) -> Response:
    """A test suite for each gate, as CI servers take it."""
    from lemnos.domains.quality.junit import junit_of_plain  # loads XML, which few ever ask for

    found = await _completed(core, ctx, task_id)
    return Response(junit_of_plain(found.result or {}), media_type=_XML)


async def _completed(core: Core, ctx: Context, task_id: str) -> Operation:
    found = await core.operations.get(ctx, task_id)
    if found.kind is not Kind.GUARD_RAILS:
        raise NotFound(f"There is no run of gates {task_id}.", code="task_not_found")
    if found.status is not Status.COMPLETED:
        message = f"The run is {found.status}: it has no findings to show."
        raise Conflict(message, code="task_state", details={"status": found.status.value})
    return found
