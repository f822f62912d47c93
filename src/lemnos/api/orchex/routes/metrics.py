"""Metrics."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from lemnos.api.kit.operation import CoreDep, Ctx, needs, operations
from lemnos.api.orchex.envelope import answer_of
from lemnos.api.orchex.examples import metrics as examples
from lemnos.api.orchex.params import AgentIdPath
from lemnos.api.orchex.present import metrics as present
from lemnos.api.orchex.wire import metrics as wire
from lemnos.api.orchex.wire.common import Success
from lemnos.kernel import clock
from lemnos.kernel.clock import SECOND

router = operations("ORCHEX: metrics", prefix="/v1/metrics")
_HOURS = {"1h": 1, "24h": 24, "7d": 7 * 24, "30d": 30 * 24}


@router.get(
    "",
    response_model=Success[wire.SystemMetrics],
    responses=examples.SYSTEM,
    summary="Get metrics of all agents",
    **needs("metrics:read"),
)
async def system_metrics(
    core: CoreDep,
    ctx: Ctx,
    period: wire.Period = "24h",
    metric_type: Annotated[wire.MetricType | None, Query()] = None,
) -> Response:
    """What the attempts of the period came to; ``metric_type`` leaves only that section."""
    sections = (metric_type,) if metric_type else present.SECTIONS
    found = await core.agents.metrics(ctx, _since(period))
    return answer_of(ctx, present.system(found, period, sections))


@router.get(
    "/agents/{agent_id}",
    response_model=Success[wire.AgentMetricsFound],
    responses=examples.AGENT,
    summary="Get metrics of an agent",
    **needs("metrics:read"),
)
async def agent_metrics(
    agent_id: AgentIdPath,
    core: CoreDep,
    ctx: Ctx,
    period: wire.Period = "24h",
    detailed: bool = False,
) -> Response:
    """One agent's, also of one that was removed since; ``detailed``: by error class and hour."""
    found = await core.agents.metrics(ctx, _since(period), agent_id)
    if not found.agents:
        await core.agents.get(ctx, agent_id)  # one that has not worked yet, or there is none
    return answer_of(ctx, present.agent(agent_id, found, period, detailed=detailed))


def _since(period: str) -> int:
    return clock.now() - _HOURS[period] * 3600 * SECOND
