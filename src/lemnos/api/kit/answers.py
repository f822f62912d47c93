"""Answers: JSON encoded once, with the status and headers that belong to it."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from lemnos.platform.execute import Reply

JSON = "application/json"
encode = msgspec.json.Encoder().encode


def answer(content: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(encode(content), status, media_type=JSON)


def reply(content: object, status: int = 200) -> Reply:
    """The same as a record that idempotency can keep."""
    return Reply(status, encode(content))


def from_reply(kept: Reply) -> Response:
    """An answer from such a record; one that is repeated says so."""
    headers = dict(kept.headers)
    if kept.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(kept.body, kept.status, headers, JSON)
