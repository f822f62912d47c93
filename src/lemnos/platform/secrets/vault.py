"""Sealing with AES-256-GCM (NIST SP 800-38D), bound to the place that a secret belongs to."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lemnos.kernel.errors import LemnosError
from lemnos.platform.secrets.masterkey import derive

_VERSION = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_HEAD_BYTES = len(_VERSION) + _KEY_ID_BYTES


class SecretUnreadable(LemnosError):
    """A sealed value was changed, moved from its place, or sealed under a key that is gone."""


class Vault:
    """Seals and opens secrets. ``previous`` master keys still open what they sealed.

    A sealed value is ``version (1) ‖ key id (4) ‖ nonce (12) ‖ ciphertext and tag (n + 16)``.
    Tenant and name are authenticated with it, so that a value copied to the row of another
    tenant, or under another name, does not open.
    """

    def __init__(self, master_key: bytes, previous: Sequence[bytes] = ()) -> None:
        self._current = _key_id(master_key)
        self._ciphers = {_key_id(key): _cipher(key) for key in (*previous, master_key)}

    def seal(self, tenant: str, name: str, secret: bytes) -> bytes:
        """The secret, encrypted for its place: a tenant and a name that is unique in it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, secret, _place(tenant, name))
        return _VERSION + self._current + nonce + sealed

    def open(self, tenant: str, name: str, sealed: bytes) -> bytes:
        """The secret again. Raises :class:`SecretUnreadable`."""
        cipher = self._ciphers.get(sealed[len(_VERSION) : _HEAD_BYTES])
        if cipher is None or sealed[: len(_VERSION)] != _VERSION:
            raise SecretUnreadable(
                f"The secret {name} was sealed under a master key that is not configured.",
                code="master_key_unknown",
            )
        nonce, body = sealed[_HEAD_BYTES:][:_NONCE_BYTES], sealed[_HEAD_BYTES + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, body, _place(tenant, name))
        except (InvalidTag, ValueError) as error:  # ValueError: cut short inside the nonce
            raise SecretUnreadable(
                f"The secret {name} was changed, or belongs elsewhere.", code="secret_tampered"
            ) from error

    def outdated(self, sealed: bytes) -> bool:
        """Whether a value is sealed under a previous key, so that it should be sealed anew."""
        return sealed[len(_VERSION) : _HEAD_BYTES] != self._current


def _cipher(master_key: bytes) -> AESGCM:
    return AESGCM(derive(master_key, "vault"))


def _key_id(master_key: bytes) -> bytes:
    """Tells keys apart and says nothing about them."""
    return derive(master_key, "vault/key-id", _KEY_ID_BYTES)


def _place(tenant: str, name: str) -> bytes:
    return msgspec.json.encode((tenant, name))
