"""Agent management."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from lemnos.api.kit.answers import from_reply
from lemnos.api.kit.core import Core
from lemnos.api.kit.describe import body_like
from lemnos.api.kit.operation import CoreDep, Ctx, OnceDep, needs, operations
from lemnos.api.orchex.envelope import answer_of, reply_of
from lemnos.api.orchex.examples import agents as examples
from lemnos.api.orchex.params import AgentIdPath, Limit, Offset, Word
from lemnos.api.orchex.present import agents as present
from lemnos.api.orchex.wire import agents as wire
from lemnos.api.orchex.wire.common import Success
from lemnos.domains.agents.health import WINDOW
from lemnos.domains.agents.model import Agent, Status
from lemnos.kernel import clock
from lemnos.kernel.context import Context

router = operations("ORCHEX: agents", prefix="/v1/agents")


@router.post(
    "",
    status_code=201,
    response_model=Success[wire.AgentRegistered],
    responses=examples.REGISTERED,
    summary="Register an agent",
    **needs("agents:write", **body_like(examples.REGISTER)),
)
async def register_agent(
    body: wire.RegisterAgent, core: CoreDep, ctx: Ctx, once: OnceDep
) -> Response:
    """Add an agent that tasks may be routed to; 409 when its id is taken.

    It is looked at before the answer: whether its runtime is there and its model endpoint answers.
    """
    drafted = await core.agents.draft(ctx, present.new_agent(body))
    agent = await core.agents.examine(drafted)
    health = (await core.agents.health(ctx, [agent]))[agent.agent_id]
    kept = await core.door.reply(
        ctx,
        "agent.register",
        lambda tx: core.agents.register(tx, ctx, agent),
        lambda made: reply_of(ctx, present.registered(made, health), 201),
        once=once,
        target=agent.agent_id,
    )
    return from_reply(kept)


@router.get(
    "",
    response_model=Success[wire.AgentPage],
    responses=examples.AGENTS,
    summary="List agents",
    **needs("agents:read"),
)
async def list_agents(
    core: CoreDep,
    ctx: Ctx,
    provider: Word = "",
    capability: Word = "",
    status: Annotated[Status | None, Query()] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> Response:
    """Agents by id, with live health and the performance of the last 24 hours."""
    page = await core.agents.page(
        ctx,
        provider=provider,
        capability=capability,
        status=status.value if status else "",
        limit=limit,
        offset=offset,
    )
    health = await core.agents.health(ctx, page.items)
    done = await core.agents.performance(ctx, [one.agent_id for one in page.items], _since())
    agents = [
        present.summary(one, health[one.agent_id], done.get(one.agent_id)) for one in page.items
    ]
    content = {"agents": agents, "total": page.total, "limit": limit, "offset": offset}
    return answer_of(ctx, content)


@router.get(
    "/{agent_id}",
    response_model=Success[wire.AgentDetails],
    responses=examples.AGENT,
    summary="Get an agent",
    **needs("agents:read"),
)
async def get_agent(agent_id: AgentIdPath, core: CoreDep, ctx: Ctx) -> Response:
    """Everything about an agent but its key."""
    agent = await core.agents.get(ctx, agent_id)
    return answer_of(ctx, await _details(core, ctx, agent))


@router.put(
    "/{agent_id}",
    response_model=Success[wire.AgentDetails],
    responses=examples.AGENT,
    summary="Update an agent",
    **needs("agents:write", **body_like(examples.UPDATE)),
)
async def update_agent(
    agent_id: AgentIdPath, body: wire.UpdateAgent, core: CoreDep, ctx: Ctx
) -> Response:
    """Change what is named and nothing else; ``constraints`` and ``config`` are merged deep."""
    agent = await core.door.do(
        ctx,
        "agent.update",
        lambda tx: core.agents.update(tx, ctx, agent_id, present.patch(body)),
        target=agent_id,
    )
    return answer_of(ctx, await _details(core, ctx, agent))


@router.delete(
    "/{agent_id}",
    status_code=204,
    response_class=Response,
    summary="Delete an agent",
    **needs("agents:write"),
)
async def delete_agent(
    agent_id: AgentIdPath, core: CoreDep, ctx: Ctx, force: bool = False
) -> Response:
    """Remove an agent; 409 while it works, unless ``force``: its tasks then go on with others."""
    await core.door.do(
        ctx,
        "agent.delete",
        lambda tx: core.agents.remove(tx, ctx, agent_id, force=force),
        target=agent_id,
        detail={"force": force},
    )
    return Response(status_code=204)


async def _details(core: Core, ctx: Context, agent: Agent) -> dict[str, object]:
    health = await core.agents.health(ctx, [agent])
    done = await core.agents.performance(ctx, [agent.agent_id], _since())
    return present.details(agent, health[agent.agent_id], done.get(agent.agent_id))


def _since() -> int:
    return clock.now() - WINDOW
