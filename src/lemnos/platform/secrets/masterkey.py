"""The master key of an instance: 32 random bytes that everything secret depends on."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lemnos.kernel.errors import LemnosError

KEY_BYTES = 32


class MasterKeyError(LemnosError):
    """The master key is missing, malformed, or open to others."""


def load_or_create_master_key(path: Path) -> bytes:
    """The key in the file, base64; a new one is made, readable by its owner only, if it is absent.

    Several processes may call this at once: all get the same key. Raises
    :class:`MasterKeyError` when others can read the file or it holds no key.
    """
    if not path.exists():
        _create(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise MasterKeyError(
            f"{path} can be read by other users. Run chmod 600 on it, and replace the key if "
            "someone may have seen it."
        )
    return decode_master_key(path.read_text("ascii", errors="replace"))


def decode_master_key(text: str) -> bytes:
    """The key in a base64 text, as ``LEMNOS_MASTER_KEY`` holds it."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise MasterKeyError(f"The master key must be {KEY_BYTES} bytes in base64.")
    return key


def derive(master_key: bytes, purpose: str, length: int = KEY_BYTES) -> bytes:
    """A key for one purpose (``jwt``, ``webhooks``): HKDF-SHA256, RFC 5869.

    Whoever learns it learns neither the master key nor the key of another purpose.
    """
    hkdf = HKDF(SHA256(), length, salt=None, info=f"lemnos/{purpose}".encode())
    return hkdf.derive(master_key)


def _create(path: Path) -> None:
    """Put a new key in place whole or not at all; whoever comes first decides."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        _sync_directory(path.parent)
    finally:
        draft.unlink()


def _sync_directory(path: Path) -> None:
    """Make the new name durable: without this key nothing that was sealed can be opened."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
