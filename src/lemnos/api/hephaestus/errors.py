"""Hephaestus's errors: ``{"detail": "<message>", "code": …, "request_id": …, "fields": {…}}``.

The document names FastAPI and shows no error: ``detail`` is where FastAPI's clients look.
"""

from __future__ import annotations

from collections.abc import Mapping

from lemnos.api.kit.dialect import Dialect
from lemnos.kernel.errors import LemnosError


def _body(error: LemnosError, request_id: str) -> Mapping[str, object]:
    body: dict[str, object] = {
        "detail": error.message,
        "code": error.code,
        "request_id": request_id,
    }
    if error.fields:
        body["fields"] = error.fields
    if error.details:
        body["details"] = error.details
    return body


DIALECT = Dialect(
    "hephaestus",
    (
        "/api/v1/quality",
        "/api/v1/cleanup",
        "/api/v1/analytics",
        "/api/v1/tasks/task-*",  # ids of its tasks; the others are CodeForge's
    ),
    _body,
)
