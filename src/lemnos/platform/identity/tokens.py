"""JSON Web Tokens (RFC 7519), signed here or with a secret shared with another service."""

from __future__ import annotations

import time
import warnings
from base64 import urlsafe_b64decode
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import Key, OctKey
from joserfc.jws import JWSRegistry

from lemnos.kernel import ids
from lemnos.kernel.context import Principal
from lemnos.kernel.errors import Unauthenticated
from lemnos.platform.identity.model import is_tenant
from lemnos.platform.identity.permissions import permissions_of

LEEWAY = 30  # seconds that clocks may differ
_LONGEST = 16 * 1024  # bytes of a token
_BAD_TOKEN = "The token is not valid."  # noqa: S105

# Providers use the name that RFC 9864 deprecates; the signature is the same.
warnings.filterwarnings("ignore", message="EdDSA is deprecated")


class TokenVerifier(Protocol):
    """Checks the tokens of one issuer; ``issuer`` is None for tokens without ``iss``."""

    @property
    def issuer(self) -> str | None:
        """The claim ``iss`` of the tokens that this verifier is for."""
        ...

    async def verify(self, token: str) -> tuple[Principal, float]:
        """The caller, and the Unix time at which the token expires.

        Raises ``Unauthenticated``.
        """
        ...


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """How tokens are made here: HS256 under ``key`` (32 bytes), valid for ``lifetime`` seconds."""

    key: bytes
    issuer: str = "lemnos"
    audience: str = "lemnos"
    lifetime: int = 3600


class TokenIssuer:
    """Makes tokens and checks its own."""

    def __init__(self, settings: TokenSettings) -> None:
        self._settings = settings
        self._key = OctKey.import_key(settings.key)
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            sub={"essential": True},
            iat={"essential": True},
            exp={"essential": True},
        )

    @property
    def issuer(self) -> str:
        """The claim ``iss`` of tokens made here."""
        return self._settings.issuer

    def issue(self, principal: Principal, lifetime: int | None = None) -> str:
        """A token with which the principal can call; ``lifetime`` in seconds.

        It grants what the principal may do now, and never more than its roles grant when the
        token is used.
        """
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": principal.subject,
            "user_id": principal.subject,
            "tenant_id": principal.tenant,
            "roles": list(principal.roles),
            "tier": principal.tier,
            "iat": now,
            "exp": now + (lifetime or self._settings.lifetime),
            "jti": ids.new_uuid(),
        }
        if "*" not in principal.permissions:
            claims["permissions"] = sorted(principal.permissions)
        return jwt.encode({"alg": "HS256"}, claims, self._key)

    async def verify(self, token: str) -> tuple[Principal, float]:
        """See :class:`TokenVerifier`."""
        claims = decoded(token, self._key, {"HS256"}, self._claims)
        roles = names(claims.get("roles"))
        scopes = names(claims["permissions"]) if "permissions" in claims else None
        principal = Principal(
            tenant_of(claims.get("tenant_id")),
            claims["sub"],
            roles,
            permissions_of(roles, scopes),
            str(claims.get("tier", "standard")),
        )
        return principal, claims["exp"]


class SharedSecretVerifier:
    """Tokens that another service signed with HS256: ``sub``, ``roles``, ``iat``, ``exp``.

    They name neither issuer nor tenant, so one secret is for one tenant. A ``scope`` (RFC 8693,
    section 4.2) narrows the roles.
    """

    issuer = None

    def __init__(self, secret: bytes, tenant: str, audience: str = "lemnos") -> None:
        self._key = OctKey.import_key(secret)
        self._tenant = tenant
        self._claims = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            aud={"value": audience},  # may be absent, must be right if it is there
            sub={"essential": True},
            roles={"essential": True},
            iat={"essential": True},
            exp={"essential": True},
        )

    async def verify(self, token: str) -> tuple[Principal, float]:
        """See :class:`TokenVerifier`."""
        claims = decoded(token, self._key, {"HS256"}, self._claims)
        roles = names(claims["roles"])
        scopes = names(claims["scope"]) if "scope" in claims else None
        granted = permissions_of(roles, scopes)
        return Principal(self._tenant, f"service:{claims['sub']}", roles, granted), claims["exp"]


def decoded(
    token: str, key: Key, algorithms: Collection[str], claims: jwt.JWTClaimsRegistry
) -> dict[str, Any]:
    """The claims of a token whose signature and claims hold. Raises ``Unauthenticated``.

    The algorithm must be one of those expected with this key, whatever the token's header says
    (RFC 8725, section 3.1); keys that a header offers (``jku``, ``jwk``, ``x5u``) are not used.
    """
    registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
    try:
        token_claims = jwt.decode(token, key, registry=registry).claims
        claims.validate(token_claims)
    except ExpiredTokenError as error:
        raise Unauthenticated("The token has expired.", code="token_expired") from error
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Unauthenticated(_BAD_TOKEN) from error
    return token_claims


def unverified_header(token: str) -> dict[str, Any]:
    """The header of a token that was not checked: good for choosing the key, for nothing else."""
    return _part(token, 0)


def unverified_issuer(token: str) -> str | None:
    """The ``iss`` of a token that was not checked: good for choosing the verifier only.

    Raises ``Unauthenticated`` when the token cannot be read.
    """
    issuer = _part(token, 1).get("iss")
    if issuer is not None and not isinstance(issuer, str):
        raise Unauthenticated(_BAD_TOKEN)
    return issuer


def names(claim: object) -> tuple[str, ...]:
    """The strings of a claim that is a list, or one text with spaces between."""
    if isinstance(claim, str):
        return tuple(claim.split())
    return tuple(c for c in claim if isinstance(c, str)) if isinstance(claim, list) else ()


def tenant_of(claim: object) -> str:
    """The tenant that a token names. Raises ``Unauthenticated`` if it is none."""
    if not isinstance(claim, str) or not is_tenant(claim):
        raise Unauthenticated("The token names no tenant.")
    return claim


def _part(token: str, index: int) -> dict[str, Any]:
    if len(token) > _LONGEST:
        raise Unauthenticated(_BAD_TOKEN)
    part = token.split(".")[index]
    try:
        raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise Unauthenticated(_BAD_TOKEN) from error
