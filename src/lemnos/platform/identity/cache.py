"""Credentials that were checked a moment ago."""

from __future__ import annotations

from hashlib import sha256
from time import monotonic

from lemnos.kernel.context import Principal


class CredentialCache:
    """Principals by the digest of their credential, bounded in number and time.

    ``epoch`` changes with every :meth:`forget_key`, so that a check that began before a
    revocation does not put the revoked key back.
    """

    def __init__(self, size: int) -> None:
        self.epoch = 0
        self._size = size
        self._entries: dict[bytes, tuple[Principal, float]] = {}

    def get(self, credential: bytes) -> Principal | None:
        """The principal, if the credential was checked and may still be trusted."""
        entry = self._entries.get(sha256(credential).digest())
        return entry[0] if entry is not None and monotonic() < entry[1] else None

    def put(self, digest: bytes, principal: Principal, seconds: float, epoch: int) -> None:
        """Trust a credential for some seconds, unless a key was revoked since ``epoch``."""
        if epoch != self.epoch:
            return
        self._entries.pop(digest, None)  # to the end: the first entry is the oldest
        if len(self._entries) >= self._size:
            del self._entries[next(iter(self._entries))]
        self._entries[digest] = (principal, monotonic() + seconds)

    def forget_key(self, key_id: str) -> None:
        """Stop trusting an API key at once."""
        self.epoch += 1
        kept = ((d, e) for d, e in self._entries.items() if e[0].key_id != key_id)
        self._entries = dict(kept)
