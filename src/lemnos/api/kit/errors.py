"""Every failure as a ``LemnosError``: what the framework raises, and what nobody expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from lemnos.kernel.errors import Invalid, LemnosError, NotFound

_BODY_PLACES = {"body", "query", "path", "header"}


class MethodNotAllowed(LemnosError):
    """The path exists, the method does not."""


def as_lemnos_error(error: Exception) -> LemnosError | None:
    """The error in our words; None for one that nobody expected."""
    if isinstance(error, LemnosError):
        return error
    if isinstance(error, RequestValidationError):
        return invalid(error.errors(), in_place=True)
    if isinstance(error, ValidationError):
        return invalid(error.errors(include_url=False, include_input=False), in_place=False)
    if isinstance(error, HTTPException):
        return _from_http(error)
    return None


def invalid(problems: Iterable[Mapping[str, Any]], *, in_place: bool) -> Invalid:
    """Pydantic's problems as fields with what is wrong; ``in_place``: locations begin with it."""
    fields: dict[str, str] = {}
    for problem in problems:
        place = list(problem["loc"])
        if in_place and place and place[0] in _BODY_PLACES:
            place = place[1:]
        if problem["type"] == "json_invalid":
            fields.setdefault("body", "is not valid JSON")
        else:
            fields.setdefault(_dotted(place) or "body", _plain(problem))
    first = next(iter(fields.items()), ("body", "is not valid"))
    return Invalid(f"{first[0]} {first[1]}.", fields=fields)


def _dotted(place: Iterable[str | int]) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _plain(problem: Mapping[str, Any]) -> str:
    kind, message = problem["type"], str(problem["msg"])
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        return "is not a known field"
    return message[:1].lower() + message[1:]


def _from_http(error: HTTPException) -> LemnosError:
    if error.status_code == 404:
        return NotFound("There is nothing at this path.", code="no_such_path")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return MethodNotAllowed(
            f"This path takes {allowed}." if allowed else "This path does not take that method.",
            code="method_not_allowed",
        )
    return Invalid(str(error.detail))
