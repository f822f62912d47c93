"""System management: health and status."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from lemnos.api.kit.operation import (
    OPEN,
    CoreDep,
    Ctx,
    context_of,
    core_of,
    known_caller,
    needs,
    operations,
)
from lemnos.api.orchex.envelope import answer_of
from lemnos.api.orchex.examples import system as examples
from lemnos.api.orchex.present import system as present
from lemnos.api.orchex.wire import system as wire
from lemnos.api.orchex.wire.common import Success

router = operations("ORCHEX: system", prefix="/v1")


@router.get(
    "/health",
    response_model=Success[wire.SystemHealth],
    responses=examples.HEALTH,
    summary="Health of the components",
    **needs(OPEN),
)
async def health(request: Request) -> Response:
    """Every component as just probed; 503 when no task can find an agent.

    Open, for load balancers: without a credential the agents are those of the default tenant.
    """
    core = core_of(request)
    caller = await known_caller(request)
    look = await (core.system.look(caller.tenant) if caller else core.system.glance())
    content = present.health(look, core.readiness.uptime)
    return answer_of(context_of(request), content, 503 if look.status == "unhealthy" else 200)


@router.get(
    "/status",
    response_model=Success[wire.SystemStatus],
    responses=examples.STATUS,
    summary="Status, queue and traffic",
    **needs("metrics:read"),
)
async def status(core: CoreDep, ctx: Ctx) -> Response:
    """The components in detail, the tenant's queue, and the requests of the last minute."""
    look = await core.system.look(ctx.tenant)
    queue = await core.system.backlog(ctx.tenant)
    return answer_of(ctx, present.status(look, queue, core.system.traffic()))
