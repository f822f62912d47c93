"""The delivery log of callbacks; beyond the document, under its conventions."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from lemnos.api.codeforge import examples, present, wire
from lemnos.api.codeforge.routes.tasks import TaskId
from lemnos.api.kit.answers import answer, from_reply, reply
from lemnos.api.kit.operation import CoreDep, Ctx, OnceDep, needs, operations
from lemnos.domains.tasks.events import stream_of

router = operations("Callbacks", prefix="/api/v1")
DeliveryId = Annotated[str, Path(max_length=64)]


@router.get(
    "/tasks/{task_id}/callbacks",
    response_model=wire.DeliveryList,
    responses=examples.CALLBACKS,
    summary="List callbacks of a task",
    **needs("tasks:read"),
)
async def list_callbacks(task_id: TaskId, core: CoreDep, ctx: Ctx) -> Response:
    """Each delivery with the attempts that were made."""
    await core.tasks.get(ctx, task_id)
    shown = []
    for delivery in await core.webhooks.deliveries(ctx, stream_of(task_id)):
        attempts = await core.webhooks.attempts(ctx, delivery.id)
        shown.append(present.delivery(delivery, attempts))
    return answer({"callbacks": shown})


@router.post(
    "/callbacks/{delivery_id}/redeliver",
    response_model=wire.Redelivering,
    status_code=202,
    responses=examples.REDELIVERING,
    summary="Send a callback again",
    **needs("tasks:write"),
)
async def redeliver(delivery_id: DeliveryId, core: CoreDep, ctx: Ctx, once: OnceDep) -> Response:
    """Send it once more, whether it had landed or not; 409 while it is being tried."""
    kept = await core.door.reply(
        ctx,
        "callback.redeliver",
        lambda tx: core.webhooks.redeliver(tx, ctx, delivery_id),
        lambda delivery: reply({"id": delivery.id, "state": "pending"}, 202),
        once=once,
        target=delivery_id,
    )
    return from_reply(kept)
