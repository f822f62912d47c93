"""How a step's outcome is recorded: as JSON, so that a stolen database cannot run code here."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from lemnos.kernel import errors
from lemnos.kernel.errors import Kind, LemnosError

_BY_KIND: dict[Kind, type[LemnosError]] = {
    kind.kind: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, LemnosError)
}


def pack_result(value: Any) -> str:
    """A result as text. Raises ``TypeError`` when it is not made of JSON values."""
    return msgspec.json.encode({"result": value}).decode()


def pack_error(error: LemnosError) -> str:
    """An error as text."""
    kind = type(error)
    record = {
        "type": f"{kind.__module__}:{kind.__qualname__}",
        "kind": error.kind,
        "message": error.message,
        "code": error.code,
        "fields": error.fields,
        "details": error.details,
        "retry_after": error.retry_after,
    }
    return msgspec.json.encode({"error": record}, enc_hook=str).decode()


def unpack(text: str) -> Any:
    """The recorded result; a recorded error is raised."""
    record = msgspec.json.decode(text)
    if "error" in record:
        raise _error(record["error"])
    return record["result"]


def _error(record: dict[str, Any]) -> LemnosError:
    # Without the class's own __init__, whose arguments are not known here.
    kind = _error_class(record["type"], Kind(record["kind"]))
    error = kind.__new__(kind)
    LemnosError.__init__(
        error,
        record["message"],
        code=record["code"],
        fields=record["fields"],
        details=record["details"],
        retry_after=record["retry_after"],
    )
    return error


def _error_class(name: str, kind: Kind) -> type[LemnosError]:
    """The class of that name if it is there and an error of ours, else the one of the kind."""
    module, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if isinstance(found, type) and issubclass(found, LemnosError):
        return found
    return _BY_KIND.get(kind, LemnosError)
