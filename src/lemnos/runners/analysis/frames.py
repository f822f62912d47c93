"""Messages between the server and its analysers: a length of four bytes, and MessagePack."""

from __future__ import annotations

import os
import select
import struct
import time

import msgspec

_LENGTH = struct.Struct(">I")
_CHUNK = 1 << 20
LONGEST = 256 << 20  # bytes of one message


class Request(msgspec.Struct, frozen=True, array_like=True):
    """A file to be measured."""

    language: str
    content: bytes


class Closed(Exception):
    """The other side has ended."""


class Late(Exception):
    """Nothing came in time."""


def framed(content: bytes) -> bytes:
    """A message as it is written."""
    return _LENGTH.pack(len(content)) + content


def read_frame(descriptor: int, timeout: float | None = None) -> bytes:
    """The next message. Raises ``Closed``, and ``Late`` after ``timeout`` seconds."""
    deadline = None if timeout is None else time.monotonic() + timeout
    (length,) = _LENGTH.unpack(_read(descriptor, _LENGTH.size, deadline))
    if length > LONGEST:
        raise Closed
    return _read(descriptor, length, deadline)


def _read(descriptor: int, size: int, deadline: float | None) -> bytes:
    received = bytearray()
    while len(received) < size:
        if deadline is not None and not _readable(descriptor, deadline):
            raise Late
        chunk = os.read(descriptor, min(size - len(received), _CHUNK))
        if not chunk:
            raise Closed
        received += chunk
    return bytes(received)


def _readable(descriptor: int, deadline: float) -> bool:
    poll = select.poll()  # unlike select(2) it takes any descriptor
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(deadline - time.monotonic(), 0) * 1000))
