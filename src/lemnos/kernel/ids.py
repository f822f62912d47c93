"""Identifiers: time-ordered inside, so that a page is read by key and stays fast at any depth."""

from __future__ import annotations

import os
import threading
import time
import uuid

_POOL = 4096  # bytes drawn at once: a system call for each id would cost more than the rest of it
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, sorts as it counts


def new_uuid() -> str:
    """A UUID version 7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, 74 random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(_random(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def new_id(prefix: str) -> str:
    """``prefix_`` and 26 characters: 48 bits of milliseconds, 80 random bits, like a ULID."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(_random(10), "big")
    digits = [_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(digits)}"


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in its canonical, lower-case form."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def new_request_id() -> str:
    """``req_`` and 24 hex digits: random, as requests are found by it and never put in order."""
    return f"req_{_random(12).hex()}"


def new_trace_id() -> str:
    """32 hex digits, as W3C Trace Context has them."""
    return _random(16).hex()


class _Pool:
    """Bytes of the system's generator, each handed out once. One for each thread."""

    def __init__(self) -> None:
        self._bytes = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._bytes):
            self._bytes, self._at = os.urandom(_POOL), 0
        self._at += count
        return self._bytes[self._at - count : self._at]


class _Pools(threading.local):
    def __init__(self) -> None:
        self.pool = _Pool()


_pools = _Pools()
# A child that is forked must not hand out what its parent does.
os.register_at_fork(after_in_child=lambda: setattr(_pools, "pool", _Pool()))


def _random(count: int) -> bytes:
    return _pools.pool.take(count)


_TASK = "task_"
_OPERATION = "task-"


def new_operation_id() -> str:
    """``task-`` and 26 characters, as the Hephaestus document names background work."""
    return new_id("task").replace("_", "-", 1)


def is_operation_id(text: str) -> bool:
    """Whether the id is that of an operation rather than of a task for agents."""
    return text.startswith(_OPERATION)


def task_id_of(task: str) -> str:
    """A task's UUID as ORCHEX shows it: ``task_`` and its 32 hex digits."""
    return f"{_TASK}{task.replace('-', '')}"


def uuid_of_task(text: str) -> str:
    """The UUID of a task named in either form; what is neither comes back as it is."""
    if not text.startswith(_TASK):
        return text
    digits = text[len(_TASK) :]
    if len(digits) != 32 or not set(digits) <= set("0123456789abcdef"):
        return text
    return str(uuid.UUID(digits))
