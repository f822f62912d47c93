"""CodeForge's errors: ``{"error": "<short>", "message": …, "fields": {…}}``."""

from __future__ import annotations

from collections.abc import Mapping

from lemnos.api.kit.dialect import Dialect
from lemnos.kernel.errors import Kind, LemnosError

_SHORT = {
    Kind.VALIDATION: "validation_error",
    Kind.UNAUTHENTICATED: "unauthorized",
    Kind.FORBIDDEN: "forbidden",
    Kind.NOT_FOUND: "not_found",
    Kind.CONFLICT: "conflict",
    Kind.TOO_LARGE: "payload_too_large",
    Kind.UNPROCESSABLE: "unprocessable",
    Kind.RATE_LIMITED: "rate_limit_exceeded",
    Kind.UNAVAILABLE: "service_unavailable",
    Kind.TIMEOUT: "timeout",
    Kind.INTERNAL: "internal_error",
}


def _body(error: LemnosError, request_id: str) -> Mapping[str, object]:
    body: dict[str, object] = {
        "error": _SHORT[error.kind],
        "message": error.message,
        "code": error.code,
        "request_id": request_id,
    }
    if error.fields:
        body["fields"] = error.fields
    if error.details:
        body["details"] = error.details
    return body


DIALECT = Dialect(
    "codeforge",
    (
        "/api/v1/tasks",
        "/api/v1/keys",
        "/api/v1/mcp",
        "/api/v1/workspaces",
        "/api/v1/callbacks",
        "/api/docs",
        "/health",
        "/ready",
        "/metrics",
    ),
    _body,
)
