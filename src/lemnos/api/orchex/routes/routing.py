"""Routing: who would do a task, and why a task went where it went. Ours, beyond the document."""

from __future__ import annotations

from starlette.responses import Response

from lemnos.api.kit.answers import from_reply
from lemnos.api.kit.describe import body_like
from lemnos.api.kit.operation import CoreDep, Ctx, OnceDep, needs, operations
from lemnos.api.orchex.envelope import answer_of, reply_of
from lemnos.api.orchex.examples import routing as examples
from lemnos.api.orchex.examples import tasks as task_examples
from lemnos.api.orchex.params import TaskIdPath
from lemnos.api.orchex.present import orders
from lemnos.api.orchex.present import routing as present
from lemnos.api.orchex.wire import routing as wire
from lemnos.api.orchex.wire.common import Success
from lemnos.api.orchex.wire.tasks import RouteTask
from lemnos.platform.db import Tx
from lemnos.platform.execute import Reply

router = operations("ORCHEX: routing", prefix="/v1")


@router.post(
    "/route",
    response_model=Success[wire.RouteDecision],
    responses=examples.DECISION,
    summary="Find the agent for a task, as a dry run",
    **needs("tasks:write", **body_like(task_examples.SUBMIT)),
)
async def route_task(body: RouteTask, core: CoreDep, ctx: Ctx, once: OnceDep) -> Response:
    """The decision that ``POST /v1/tasks`` would take now; no task is made, no place is taken."""

    async def decide() -> Reply:
        async def note(_tx: Tx) -> None:
            """The entry of the audit log is all there is to write."""

        decision = await core.router.plan(ctx.tenant, orders.ask(body))
        await core.door.do(ctx, "task.route", note, target=body.type.value)
        return reply_of(ctx, present.decision(decision))

    return from_reply(await core.door.reply_slowly(ctx, decide, once=once))


@router.get(
    "/tasks/{task_id}/routing",
    response_model=Success[wire.TaskRouting],
    responses=examples.ROUTING,
    summary="Explain the routing of a task",
    **needs("tasks:read"),
)
async def explain_routing(task_id: TaskIdPath, core: CoreDep, ctx: Ctx) -> Response:
    """The last decision with the terms of each score, who was left out and why, each attempt."""
    task = await core.tasks.get(ctx, task_id)
    return answer_of(ctx, present.routing(task.id, await core.orders.routing(ctx, task.id)))
