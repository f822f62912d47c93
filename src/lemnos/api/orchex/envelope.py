"""The envelope around every answer: ``{"success": true, "data": …, "meta": {…}}``."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from lemnos.api.kit.answers import answer, reply
from lemnos.api.kit.describe import example
from lemnos.kernel import clock
from lemnos.kernel.context import Context
from lemnos.platform.execute import Reply

VERSION = "v1"
Json = dict[str, object]


def success(ctx: Context, data: object) -> Json:
    """What was asked for, in its envelope."""
    meta = {
        "request_id": ctx.request_id,
        "timestamp": clock.iso(clock.now()),
        "version": VERSION,
    }
    return {"success": True, "data": data, "meta": meta}


def answer_of(ctx: Context, data: object, status: int = 200) -> Response:
    """An answer."""
    return answer(success(ctx, data), status)


def reply_of(ctx: Context, data: object, status: int = 200) -> Reply:
    """The same as a record that idempotency can keep."""
    return reply(success(ctx, data), status)


def shown(data: object, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """An example answer for the documentation."""
    meta = {
        "request_id": "req_123456",
        "timestamp": "2025-11-29T21:00:00Z",
        "version": VERSION,
    }
    return example({"success": True, "data": data, "meta": meta}, status)
