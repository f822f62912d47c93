"""Server-sent events, as the WHATWG HTML standard reads them. Pure.

Not the HTTP library's own reader: that one keeps comments to itself, and the server's keep-alives
are what a wait looks at its clock by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a stream. ``name`` is empty for the unnamed ones."""

    name: str
    data: str
    id: str


class Decoder:
    """Takes bytes as they come; gives frames, and None for each comment (a keep-alive)."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._name = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, chunk: bytes) -> Iterator[Frame | None]:
        """What these bytes complete."""
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            whole = b"".join((*self._rest, line)).removesuffix(b"\r")
            self._rest.clear()
            if not whole:
                yield from self._dispatched()
            elif whole.startswith(b":"):
                yield None
            else:
                self._field(whole.decode(errors="replace"))
        if rest:
            self._rest.append(rest)

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id" and "\0" not in value:
            self._id = value

    def _dispatched(self) -> Iterator[Frame]:
        if self._data:
            yield Frame(self._name, "\n".join(self._data), self._id)
        self._name, self._data = "", []
