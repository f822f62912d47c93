"""Query parameters of direct operations."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from lemnos.kernel.errors import Invalid


def text(request: Request, name: str, longest: int = 500) -> str:
    """A parameter, empty when it is left out."""
    value = request.query_params.get(name, "")
    if len(value) > longest:
        raise _invalid(name, f"is longer than {longest} characters")
    return value


def number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A whole number within bounds."""
    value = request.query_params.get(name)
    if value is None:
        return default
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise _invalid(name, "must be a whole number")
    if not least <= int(value) <= most:
        raise _invalid(name, f"must be from {least} to {most}")
    return int(value)


def choice(request: Request, name: str, allowed: Sequence[str], default: str) -> str:
    """One of a few words."""
    value = request.query_params.get(name)
    if value is None:
        return default
    if value not in allowed:
        raise _invalid(name, f"must be one of: {', '.join(allowed)}")
    return value


def _invalid(name: str, problem: str) -> Invalid:
    return Invalid(f"{name} {problem}.", fields={name: problem})
