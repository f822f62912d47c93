"""Tokens of an OpenID Connect provider, checked with the keys that it publishes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from lemnos.kernel.context import Principal
from lemnos.kernel.errors import LemnosError, Unauthenticated, Unavailable
from lemnos.platform.identity.permissions import permissions_of
from lemnos.platform.identity.tokens import LEEWAY, decoded, names, tenant_of, unverified_header

log = logging.getLogger(__name__)

# By type of key: what a key is for is the key's to say, not the token's (RFC 8725, section 3.1).
_ALGORITHMS: dict[type[Key], frozenset[str]] = {
    RSAKey: frozenset({"RS256"}),
    ECKey: frozenset({"ES256"}),
    OKPKey: frozenset({"EdDSA", "Ed25519"}),
}
_UNKNOWN_KEY = "The token was signed with a key that its issuer does not publish."


class JwksSource(Protocol):
    """Where a provider's keys come from."""

    async def fetch(self) -> Mapping[str, Any]:
        """The provider's JWK set (RFC 7517, section 5). Raises ``Unavailable``."""
        ...


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """A provider, and what its claims mean here.

    A claim may be a path (``realm_access.roles``). ``role_names`` maps the provider's names of
    roles or groups to ours; a name not in it counts as it is. Tokens without the tenant's claim
    belong to ``default_tenant``; without one they are refused.
    """

    issuer: str
    audience: str
    tenant_claim: str = "tenant_id"
    default_tenant: str | None = None
    roles_claim: str = "roles"
    role_names: Mapping[str, str] = field(default_factory=dict)


class OidcVerifier:
    """Checks the tokens of one provider."""

    def __init__(self, settings: OidcSettings, source: JwksSource) -> None:
        self._settings = settings
        self._keys = KeyRing(source)
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            sub={"essential": True},
            exp={"essential": True},
        )

    @property
    def issuer(self) -> str:
        """The provider's ``iss``."""
        return self._settings.issuer

    async def verify(self, token: str) -> tuple[Principal, float]:
        """See :class:`~lemnos.platform.identity.tokens.TokenVerifier`."""
        kid = unverified_header(token).get("kid")
        key = await self._keys.find(kid if isinstance(kid, str) else None)
        claims = decoded(token, key, _ALGORITHMS[type(key)], self._claims)
        settings = self._settings
        tenant = tenant_of(_at(claims, settings.tenant_claim) or settings.default_tenant)
        given = names(_at(claims, settings.roles_claim))
        roles = tuple(settings.role_names.get(name, name) for name in given)
        subject = f"oidc:{claims['sub']}"
        return Principal(tenant, subject, roles, permissions_of(roles)), claims["exp"]


class KeyRing:
    """A provider's public keys by id, fetched when one is missing or they are old.

    A token with an unknown key id makes it fetch, as providers rotate their keys, but not more
    often than every ``pause`` seconds: anyone can send such tokens. Keys are fetched again after
    ``fresh`` seconds, and not used for longer than ``usable`` seconds if that fails.
    """

    def __init__(
        self,
        source: JwksSource,
        *,
        pause: float = 30.0,
        fresh: float = 3600.0,
        usable: float = 24 * 3600.0,
    ) -> None:
        self._source = source
        self._pause = pause
        self._fresh = fresh
        self._usable = usable
        self._keys: dict[str | None, Key] = {}
        self._fetched = self._tried = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, kid: str | None) -> Key:
        """The key with this id; without an id, the provider's only key.

        Raises ``Unauthenticated`` for an unknown key, ``Unavailable`` without any keys.
        """
        if not self._known(kid) or monotonic() - self._fetched > self._fresh:
            await self._refresh()
        if monotonic() - self._fetched > self._usable:
            raise Unavailable("The identity provider's keys cannot be fetched.", retry_after=30)
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        key = self._keys.get(kid) if kid is not None else None
        if key is None:
            raise Unauthenticated(_UNKNOWN_KEY)
        return key

    def _known(self, kid: str | None) -> bool:
        return bool(self._keys) if kid is None else kid in self._keys

    async def _refresh(self) -> None:
        async with self._lock:
            if monotonic() - self._tried < self._pause:  # someone else just did, or tried to
                return
            self._tried = monotonic()
            try:
                self._keys = _public_keys(await self._source.fetch())
            except LemnosError as error:
                log.warning("cannot fetch the identity provider's keys: %s", error.message)
                return
            self._fetched = monotonic()


def _public_keys(jwks: Mapping[str, Any]) -> dict[str | None, Key]:
    """The keys of a set that can check signatures; others are left out."""
    keys: dict[str | None, Key] = {}
    entries = jwks.get("keys")
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        try:
            key = JWKRegistry.import_key(entry)
        except (JoseError, ValueError, TypeError, KeyError):
            log.warning("a key of the identity provider cannot be read: kid %r", entry.get("kid"))
            continue
        if type(key) in _ALGORITHMS:
            keys[key.kid] = key
    return keys


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """The claim at a path, None if it is not there."""
    if path in claims:  # names such as https://example.com/roles have dots of their own
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
