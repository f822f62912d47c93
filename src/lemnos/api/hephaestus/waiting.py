"""Starting an operation, and answering with its result or with where to ask for it."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from lemnos.api.hephaestus import examples, present, wire
from lemnos.api.kit.answers import answer, encode, from_reply
from lemnos.api.kit.core import Core
from lemnos.api.kit.prefer import Preference
from lemnos.domains.operations.model import Operation, Status
from lemnos.kernel.context import Context
from lemnos.platform.execute import Once, Reply

_PATH = "/api/v1/tasks/"
# The second answer of such operations, for their description.
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"model": wire.OperationState, "description": "Under way.", **examples.ACCEPTED[202]}
}


class _Named(msgspec.Struct):
    task_id: str


_named = msgspec.json.Decoder(_Named).decode


async def carry_out(
    core: Core, ctx: Context, operation: Operation, preference: Preference, once: Once | None
) -> Response:
    """Start a drafted operation; its result, or 202 for one who would rather not wait.

    What is kept under an ``Idempotency-Key`` is that it was started: who asks again, be it after
    a crash, waits for the same operation. Raises what kept it from completing.
    """
    kept = await core.door.reply(
        ctx,
        f"{operation.kind.value}.start",
        lambda tx: core.operations.start(tx, ctx, operation),
        _accepted,
        once=once,
        target=operation.id,
        detail=operation.request,
    )
    if preference.wait == 0:
        return _later(kept, preference)
    found = await core.operations.wait(ctx, _named(kept.body).task_id, preference.wait)
    if not found.ended:
        return _later(_accepted(found), preference)
    if found.status is not Status.COMPLETED:
        raise found.failure
    made = answer(present.result(found))
    if kept.replayed:
        made.headers["idempotency-replayed"] = "true"
    return made


def _accepted(operation: Operation) -> Reply:
    headers = (("location", f"{_PATH}{operation.id}"),)
    return Reply(202, encode(present.operation(operation)), headers)


def _later(kept: Reply, preference: Preference) -> Response:
    made = from_reply(kept)
    if preference.said:
        made.headers["preference-applied"] = "respond-async"
    return made
