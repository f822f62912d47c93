"""Answers: JSON encoded once, with the status and headers that belong to it."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from lemnos.platform.execute import Reply

JSON = "application/json"
encode = msgspec.json.Encoder().encode


class JsonAnswer(Response):
    """A body that is JSON already, with just the headers that it needs."""

    def __init__(self, body: bytes, status: int) -> None:
        # Response's own constructor would look through headers that are not there, for as long
        # as encoding the body takes.
        self.body = body
        self.status_code = status
        self.background = None
        self.raw_headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]


def answer(content: object, status: int = 200) -> Response:
    """A JSON answer."""
    return JsonAnswer(encode(content), status)


def reply(content: object, status: int = 200) -> Reply:
    """The same as a record that idempotency can keep."""
    return Reply(status, encode(content))


def from_reply(kept: Reply) -> Response:
    """An answer from such a record; one that is repeated says so."""
    made = JsonAnswer(kept.body, kept.status)
    made.raw_headers += [(name.encode(), value.encode()) for name, value in kept.headers]
    if kept.replayed:
        made.raw_headers.append((b"idempotency-replayed", b"true"))
    return made
