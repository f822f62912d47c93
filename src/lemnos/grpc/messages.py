"""Between messages and the plain data of the domains, whose shapes and names they mirror."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from lemnos.kernel.errors import Invalid

M = TypeVar("M", bound=Message)


def filled(message: M, plain: Mapping[str, Any]) -> M:
    """The message, filled with plain data; what it has no field for is left out."""
    return ParseDict(dict(plain), message, ignore_unknown_fields=True)


def refuse_nul(message: Message) -> None:
    """Raise ``Invalid`` for a text with a NUL character, which neither paths nor databases hold."""
    for field, value in message.ListFields():
        values = value if field.is_repeated else [value]
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in values:
                refuse_nul(inner)
        elif field.type == FieldDescriptor.TYPE_STRING and any("\0" in text for text in values):
            problem = "holds a NUL character"
            raise Invalid(f"{field.name} {problem}.", fields={field.name: problem})
