"""Webhooks: endpoints that are told of events, and the log of what was sent."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from lemnos.api.kit.answers import from_reply
from lemnos.api.kit.describe import body_like
from lemnos.api.kit.operation import CoreDep, Ctx, OnceDep, needs, operations
from lemnos.api.orchex.envelope import answer_of, reply_of
from lemnos.api.orchex.examples import webhooks as examples
from lemnos.api.orchex.params import ThingId
from lemnos.api.orchex.present import webhooks as present
from lemnos.api.orchex.wire import webhooks as wire
from lemnos.api.orchex.wire.common import Success
from lemnos.kernel.context import Context
from lemnos.platform.execute import Reply
from lemnos.platform.webhooks.endpoint import Issued

router = operations("ORCHEX: webhooks", prefix="/v1/webhooks")


@router.post(
    "",
    status_code=201,
    response_model=Success[wire.WebhookIssued],
    responses=examples.CREATED,
    summary="Create a webhook",
    **needs("webhooks:write", **body_like(examples.CREATE)),
)
async def create_webhook(
    body: wire.CreateWebhook, core: CoreDep, ctx: Ctx, once: OnceDep
) -> Response:
    """Tell an address of events. Bodies are signed as Standard Webhooks has it."""
    kept = await core.door.reply(
        ctx,
        "webhook.create",
        lambda tx: core.endpoints.create(tx, ctx, present.new_endpoint(body)),
        lambda made: _with_secret(ctx, made, 201),
        once=once,
        target=lambda made: made.endpoint.id,
    )
    return from_reply(kept)


@router.get(
    "",
    response_model=Success[wire.WebhookPage],
    responses=examples.WEBHOOKS,
    summary="List webhooks",
    **needs("webhooks:read"),
)
async def list_webhooks(core: CoreDep, ctx: Ctx) -> Response:
    """The tenant's webhooks, without their secrets."""
    return answer_of(ctx, present.page(await core.endpoints.list(ctx)))


@router.get(
    "/{webhook_id}",
    response_model=Success[wire.Webhook],
    responses=examples.WEBHOOK,
    summary="Get a webhook",
    **needs("webhooks:read"),
)
async def get_webhook(webhook_id: ThingId, core: CoreDep, ctx: Ctx) -> Response:
    """One webhook, without its secret."""
    return answer_of(ctx, present.webhook(await core.endpoints.get(ctx, webhook_id)))


@router.put(
    "/{webhook_id}",
    response_model=Success[wire.Webhook],
    responses=examples.WEBHOOK,
    summary="Update a webhook",
    **needs("webhooks:write", **body_like(examples.UPDATE)),
)
async def update_webhook(
    webhook_id: ThingId, body: wire.UpdateWebhook, core: CoreDep, ctx: Ctx
) -> Response:
    """Change what is named and nothing else; switching it on again forgets why it was off."""
    endpoint = await core.door.do(
        ctx,
        "webhook.update",
        lambda tx: core.endpoints.update(tx, ctx, webhook_id, present.patch(body)),
        target=webhook_id,
    )
    return answer_of(ctx, present.webhook(endpoint))


@router.delete(
    "/{webhook_id}",
    status_code=204,
    response_class=Response,
    summary="Delete a webhook",
    **needs("webhooks:write"),
)
async def delete_webhook(webhook_id: ThingId, core: CoreDep, ctx: Ctx) -> Response:
    """Forget an endpoint and its secrets; what still waits for it is given up."""
    await core.door.do(
        ctx,
        "webhook.delete",
        lambda tx: core.endpoints.delete(tx, ctx, webhook_id),
        target=webhook_id,
    )
    return Response(status_code=204)


@router.post(
    "/{webhook_id}/test",
    status_code=202,
    response_model=Success[wire.DeliveryAccepted],
    responses=examples.ACCEPTED,
    summary="Test a webhook",
    **needs("webhooks:write"),
)
async def test_webhook(webhook_id: ThingId, core: CoreDep, ctx: Ctx, once: OnceDep) -> Response:
    """Send the event ``webhook.test``, also to a webhook that is switched off."""
    kept = await core.door.reply(
        ctx,
        "webhook.test",
        lambda tx: core.endpoints.test(tx, ctx, webhook_id),
        lambda delivery_id: _accepted(ctx, delivery_id),
        once=once,
        target=webhook_id,
    )
    return from_reply(kept)


@router.post(
    "/{webhook_id}/rotate",
    response_model=Success[wire.WebhookIssued],
    responses=examples.ROTATED,
    summary="Rotate a webhook's secret",
    **needs("webhooks:write", **body_like(examples.ROTATE)),
)
async def rotate_secret(
    webhook_id: ThingId,
    core: CoreDep,
    ctx: Ctx,
    once: OnceDep,
    body: wire.RotateSecret | None = None,
) -> Response:
    """A new secret signs from now on; the old one signs too for ``overlap_seconds``."""
    asked = body or wire.RotateSecret()
    kept = await core.door.reply(
        ctx,
        "webhook.rotate",
        lambda tx: core.endpoints.rotate(
            tx, ctx, webhook_id, asked.secret or "", asked.overlap_seconds
        ),
        lambda made: _with_secret(ctx, made, 200),
        once=once,
        target=webhook_id,
    )
    return from_reply(kept)


@router.get(
    "/{webhook_id}/deliveries",
    response_model=Success[wire.DeliveryPage],
    responses=examples.DELIVERIES,
    summary="List deliveries of a webhook",
    **needs("webhooks:read"),
)
async def list_deliveries(webhook_id: ThingId, core: CoreDep, ctx: Ctx) -> Response:
    """The newest 50, each with the attempts that were made."""
    endpoint = await core.endpoints.get(ctx, webhook_id)
    shown = []
    for delivery in await core.webhooks.deliveries(ctx, endpoint.id):
        attempts = await core.webhooks.attempts(ctx, delivery.id)
        shown.append(present.delivery(delivery, attempts))
    return answer_of(ctx, {"webhook_id": endpoint.id, "deliveries": shown})


@router.post(
    "/deliveries/{delivery_id}/redeliver",
    status_code=202,
    response_model=Success[wire.DeliveryAccepted],
    responses=examples.ACCEPTED,
    summary="Send a delivery again",
    **needs("webhooks:write"),
)
async def redeliver_event(delivery_id: ThingId, core: CoreDep, ctx: Ctx, once: OnceDep) -> Response:
    """Send it once more, whether it had landed or not; 409 while it is being tried."""
    kept = await core.door.reply(
        ctx,
        "webhook.redeliver",
        lambda tx: core.webhooks.redeliver(tx, ctx, delivery_id),
        lambda delivery: _accepted(ctx, delivery.id),
        once=once,
        target=delivery_id,
    )
    return from_reply(kept)


def _accepted(ctx: Context, delivery_id: str) -> Reply:
    return reply_of(ctx, {"delivery_id": delivery_id, "state": "pending"}, 202)


def _with_secret(ctx: Context, made: Issued, status: int) -> Reply:
    """An answer that may hold a secret: it is kept sealed, should it be asked for again."""
    return replace(reply_of(ctx, present.issued(made), status), confidential=True)
