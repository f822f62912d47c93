"""Every failure as a ``LemnosError``: what the framework raises, and what nobody expected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from lemnos.api.kit.fields import NO_NUL
from lemnos.kernel.errors import Invalid, LemnosError, NotFound

_BODY_PLACES = {"body", "query", "path", "header"}


class MethodNotAllowed(LemnosError):
    """The path exists, the method does not. ``methods`` are those that do."""

    def __init__(self, methods: str) -> None:
        super().__init__(f"This path takes {methods}.", code="method_not_allowed")
        self.methods = methods


def as_lemnos_error(error: Exception, scope: Scope) -> LemnosError | None:
    """The error in our words; None for one that nobody expected."""
    if isinstance(error, LemnosError):
        return error
    if isinstance(error, RequestValidationError):
        return invalid(error.errors(), in_place=True)
    if isinstance(error, ValidationError):
        return invalid(error.errors(include_url=False, include_input=False), in_place=False)
    if isinstance(error, HTTPException):
        return _from_http(error, scope)
    return None


@contextmanager
def naming(fields: Mapping[str, str]) -> Iterator[None]:
    """Tell of fields that a domain refuses by the names that a document gives them."""
    try:
        yield
    except Invalid as error:
        told = {fields.get(name, name): problem for name, problem in error.fields.items()}
        raise Invalid(error.message, code=error.code, fields=told, details=error.details) from error


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
    if kind == "string_pattern_mismatch" and problem.get("ctx", {}).get("pattern") == NO_NUL:
        return "holds a NUL character"
    if kind == "extra_forbidden":
        return "is not a known field"
    if kind in ("literal_error", "enum"):
        expected = str(problem["ctx"]["expected"]).replace(" or ", ", ").replace("'", "")
        return f"must be one of: {expected}"
    if message.startswith("Input should "):
        return f"must {message.removeprefix('Input should ')}"
    return message[:1].lower() + message[1:]


def _from_http(error: HTTPException, scope: Scope) -> LemnosError:
    if error.status_code == 404:
        return NotFound("There is nothing at this path.", code="no_such_path")
    if error.status_code == 405:
        return MethodNotAllowed(_methods_of(scope))
    # The framework wraps whatever happens while it reads a body, a body over the limit too.
    if isinstance(error.__cause__, LemnosError):
        return error.__cause__
    return Invalid("The body is not valid JSON.", fields={"body": "is not valid JSON"})


def _methods_of(scope: Scope) -> str:
    """The methods of all operations at a path: each route knows of its own alone."""
    methods: set[str] = set()
    for operation in scope["app"].state.operations:
        if operation.matches(scope)[0] is not Match.NONE:
            methods |= operation.methods
    return ", ".join(sorted(methods))
