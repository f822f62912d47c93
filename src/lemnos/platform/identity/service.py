"""From a credential to a principal."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from lemnos.kernel import clock
from lemnos.kernel.background import cancelled
from lemnos.kernel.context import Principal
from lemnos.kernel.errors import LemnosError, Unauthenticated
from lemnos.platform.db import Database
from lemnos.platform.identity.cache import CredentialCache
from lemnos.platform.identity.keys import find_key, note_use
from lemnos.platform.identity.model import KEY_PREFIX, digest_of, looks_like_key
from lemnos.platform.identity.tokens import TokenIssuer, TokenVerifier, unverified_issuer

log = logging.getLogger(__name__)

KEY_SECONDS = 10.0  # how long another node may go on trusting a key that was revoked
TOKEN_SECONDS = 300.0  # how long a token is trusted without looking at its issuer's keys again
_CACHED = 10_000
_USE_WRITTEN = 30.0  # seconds between writes of last_used_at

_BAD_KEY = "The API key is not valid: it may be mistyped, revoked or expired."
_BAD_FORM = "The credential is neither an API key (lk_…) nor a JWT."
_BAD_ISSUER = "The token's issuer is not trusted here."


class Identity:
    """Checks API keys, and tokens of the issuers that are trusted.

    :meth:`cached` answers for credentials that were checked a moment ago without waiting;
    :meth:`authenticate` answers for all. ``verifiers`` are further issuers: see
    :mod:`lemnos.platform.identity.tokens` and :mod:`lemnos.platform.identity.oidc`.
    """

    def __init__(
        self, db: Database, tokens: TokenIssuer, verifiers: Sequence[TokenVerifier] = ()
    ) -> None:
        self.tokens = tokens
        self._db = db
        self._verifiers = {each.issuer: each for each in (*verifiers, tokens)}
        self._cache = CredentialCache(_CACHED)
        self.cached = self._cache.get  # bound once: this is asked for every request
        self._used: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    async def authenticate(self, credential: str) -> Principal:
        """The caller behind a Bearer credential. Raises ``Unauthenticated``."""
        if credential.startswith(KEY_PREFIX):
            return await self._by_key(credential)
        if credential.count(".") == 2 and credential.isascii():
            return await self._by_token(credential)
        raise Unauthenticated(_BAD_FORM)

    def forget_key(self, key_id: str) -> None:
        """Stop trusting an API key at once, as it was revoked."""
        self._cache.forget_key(key_id)

    async def start(self) -> None:
        """Begin to write down when keys were used."""
        self._task = asyncio.create_task(self._write_use(), name="api-key-use")

    async def stop(self) -> None:
        """Write down what is left and end."""
        if self._task is None:
            return
        await cancelled(self._task)
        self._task = None
        await self.flush()

    async def flush(self) -> None:
        """Write when keys were last used, to within the ten seconds that they are cached."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            await note_use(self._db, used)
        except LemnosError as error:
            self._used = used | self._used  # what was used since is newer
            log.warning("last use of API keys not written: %s", error.message)

    async def _by_key(self, credential: str) -> Principal:
        if not looks_like_key(credential):
            raise Unauthenticated(_BAD_KEY)
        epoch, now = self._cache.epoch, clock.now()
        digest = digest_of(credential.encode())
        key = await find_key(self._db, digest)
        if key is None or not key.valid(now):
            raise Unauthenticated(_BAD_KEY)
        self._used[key.id] = now
        principal = key.principal()
        left = (key.expires_at - now) / clock.SECOND if key.expires_at else KEY_SECONDS
        self._cache.put(digest, principal, min(left, KEY_SECONDS), epoch)
        return principal

    async def _by_token(self, credential: str) -> Principal:
        verifier = self._verifiers.get(unverified_issuer(credential))
        if verifier is None:
            raise Unauthenticated(_BAD_ISSUER)
        epoch = self._cache.epoch
        principal, expires = await verifier.verify(credential)
        left = min(expires - time.time(), TOKEN_SECONDS)
        self._cache.put(digest_of(credential.encode()), principal, left, epoch)
        return principal

    async def _write_use(self) -> None:
        while True:
            await asyncio.sleep(_USE_WRITTEN)
            await self.flush()
