"""ORCHEX's errors: ``{"success": false, "error": {code, message, details}, "meta": {…}}``."""

from __future__ import annotations

from collections.abc import Mapping

from lemnos.api.kit.dialect import Dialect
from lemnos.api.kit.errors import MethodNotAllowed
from lemnos.kernel import clock
from lemnos.kernel.errors import Kind, LemnosError
from lemnos.platform.ratelimit import ORCHEX

# The first four and the sixth and last are the document's; the others follow its pattern.
_CODES = {
    Kind.VALIDATION: "VALIDATION_ERROR",
    Kind.UNAUTHENTICATED: "AUTHENTICATION_ERROR",
    Kind.FORBIDDEN: "AUTHORIZATION_ERROR",
    Kind.NOT_FOUND: "NOT_FOUND",
    Kind.CONFLICT: "CONFLICT",
    Kind.RATE_LIMITED: "RATE_LIMIT_EXCEEDED",
    Kind.TOO_LARGE: "PAYLOAD_TOO_LARGE",
    Kind.UNPROCESSABLE: "UNPROCESSABLE_ENTITY",
    Kind.UNAVAILABLE: "SERVICE_UNAVAILABLE",
    Kind.TIMEOUT: "TIMEOUT",
    Kind.INTERNAL: "INTERNAL_ERROR",
}
# Where the document has a message, it is the document's; our own goes to the details.
_MESSAGES = {
    Kind.VALIDATION: "Invalid request parameters",
    Kind.UNAUTHENTICATED: "Invalid API key",
    Kind.RATE_LIMITED: "Rate limit exceeded",
}
_SELF_EVIDENT = {kind.value for kind in Kind} | {"rate_limit_exceeded", "internal_error"}


def _body(error: LemnosError, request_id: str) -> Mapping[str, object]:
    shown: dict[str, object] = {
        "code": "METHOD_NOT_ALLOWED" if isinstance(error, MethodNotAllowed) else _CODES[error.kind],
        "message": _MESSAGES.get(error.kind, error.message),
    }
    if details := _details(error):
        shown["details"] = details
    meta = {"request_id": request_id, "timestamp": clock.iso(clock.now())}
    return {"success": False, "error": shown, "meta": meta}


def _details(error: LemnosError) -> Mapping[str, object]:
    """The first problem as the document shows it, all of them, and what narrows the code."""
    found: dict[str, object] = {}
    # The document says "required" where others say "is required".
    fields = {name: problem.removeprefix("is ") for name, problem in error.fields.items()}
    if fields:
        field, issue = next(iter(fields.items()))
        found |= {"field": field, "issue": issue, "fields": fields}
    elif error.kind in (Kind.VALIDATION, Kind.UNAUTHENTICATED):
        found["issue"] = error.message
    if error.code not in _SELF_EVIDENT:
        found["reason"] = error.code
    return found | error.details


DIALECT = Dialect("orchex", ("/v1",), _body, ORCHEX)
