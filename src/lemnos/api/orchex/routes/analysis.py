"""Repository analysis."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from lemnos.api.kit.answers import from_reply
from lemnos.api.kit.describe import body_like
from lemnos.api.kit.errors import naming
from lemnos.api.kit.operation import CoreDep, Ctx, OnceDep, needs, operations
from lemnos.api.orchex.envelope import answer_of, reply_of
from lemnos.api.orchex.examples import analysis as examples
from lemnos.api.orchex.params import Limit, Offset, ThingId, Word, moment
from lemnos.api.orchex.present import analysis as present
from lemnos.api.orchex.wire import analysis as wire
from lemnos.api.orchex.wire.common import Success
from lemnos.domains.analysis.model import Status
from lemnos.kernel.errors import Invalid

router = operations("ORCHEX: analysis", prefix="/v1/analyze")
_SHOWN = 100  # files, the worst first, that an analysis shows by itself
_FilesLimit = Annotated[int, Query(ge=1, le=1000)]


@router.post(
    "",
    status_code=202,
    response_model=Success[wire.AnalysisStarted],
    responses=examples.STARTED,
    summary="Start an analysis",
    **needs("analyses:write", **body_like(examples.START)),
)
async def start_analysis(
    body: wire.StartAnalysis, core: CoreDep, ctx: Ctx, once: OnceDep
) -> Response:
    """Measure a repository and find what could be improved; the work is done in the background."""
    if not (body.repository_url or body.repository_path):
        problem = "is required, or repository_path"
        raise Invalid(f"repository_url {problem}.", fields={"repository_url": problem})
    given = "repository_url" if body.repository_url else "repository_path"
    with naming({"repository": given}):
        analysis = await core.analyses.draft(ctx, present.new_analysis(body))
    estimate = await core.analyses.estimate(ctx, analysis)
    kept = await core.door.reply(
        ctx,
        "analysis.start",
        lambda tx: core.analyses.start(tx, ctx, analysis),
        lambda made: reply_of(ctx, present.started(made, estimate), 202),
        once=once,
        target=analysis.id,
    )
    return from_reply(kept)


@router.get(
    "/{analysis_id}",
    response_model=Success[wire.AnalysisDetails],
    responses=examples.ANALYSIS,
    summary="Get an analysis",
    **needs("analyses:read"),
)
async def get_analysis(analysis_id: ThingId, core: CoreDep, ctx: Ctx) -> Response:
    """Summary, the worst files with the terms of their scores, and opportunities, best first."""
    analysis = await core.analyses.get(ctx, analysis_id)
    options = analysis.asked.options
    files = (
        await core.analyses.files(ctx, analysis.id, limit=_SHOWN) if options.include_metrics else ()
    )
    found = await core.analyses.opportunities(ctx, analysis.id)
    return answer_of(ctx, present.details(analysis, files, found))


@router.get(
    "",
    response_model=Success[wire.AnalysisPage],
    responses=examples.ANALYSES,
    summary="List analyses",
    **needs("analyses:read"),
)
async def list_analyses(
    core: CoreDep,
    ctx: Ctx,
    repository: Annotated[Word, Query(max_length=2048)] = "",
    status: Annotated[Status | None, Query()] = None,
    since: Word = "",
    limit: Limit = 50,
    offset: Offset = 0,
) -> Response:
    """Analyses, the newest first. ``repository`` is as it was given when one was started."""
    page = await core.analyses.page(
        ctx,
        repository=repository,
        status=status.value if status else "",
        since=moment("since", since),
        limit=limit,
        offset=offset,
    )
    return answer_of(ctx, present.page(page, limit, offset))


@router.get(
    "/{analysis_id}/files",
    response_model=Success[wire.MeasuredFiles],
    responses=examples.FILES,
    summary="List the files of an analysis",
    **needs("analyses:read"),
)
async def list_files(
    analysis_id: ThingId,
    core: CoreDep,
    ctx: Ctx,
    limit: _FilesLimit = 100,
    offset: Offset = 0,
) -> Response:
    """Every measured file, the worst first; those with a problem come last."""
    analysis = await core.analyses.get(ctx, analysis_id)
    found = await core.analyses.files(ctx, analysis.id, limit=limit + 1, offset=offset)
    return answer_of(ctx, present.files(analysis.id, found, limit, offset))
