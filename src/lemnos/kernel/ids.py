"""Identifiers: time-ordered inside, so that a page is read by key and stays fast at any depth."""

from __future__ import annotations

import os
import secrets
import time
import uuid

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, sorts as it counts


def new_uuid() -> str:
    """A UUID version 7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, 74 random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def new_id(prefix: str) -> str:
    """``prefix_`` and 26 characters: 48 bits of milliseconds, 80 random bits, like a ULID."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    digits = [_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(digits)}"


def random_uuid() -> str:
    """A UUID version 4: nothing can be told from it, and its first digits differ from others'."""
    return str(uuid.UUID(bytes=os.urandom(16), version=4))


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in its canonical, lower-case form."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def new_trace_id() -> str:
    """32 hex digits, as W3C Trace Context has them."""
    return secrets.token_hex(16)
