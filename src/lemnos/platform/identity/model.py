"""API keys as records, and the rules for making one."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from hashlib import sha256

from lemnos.kernel.context import Principal
from lemnos.kernel.errors import Forbidden, Invalid
from lemnos.platform.identity.permissions import ALL, ROLES, matching, permissions_of
from lemnos.platform.ratelimit import TIERS

KEY_PREFIX = "lk_"
_KEY = re.compile(r"lk_[A-Za-z0-9_-]{43}")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHOWN = 11  # characters of a key that are kept for display; 48 bits of 256
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of an API key: enough to recognise it, not to use it. Times in microseconds."""

    id: str
    tenant: str
    name: str
    prefix: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    tier: str
    created_by: str
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    last_used_at: int | None = None

    def valid(self, now: int) -> bool:
        """Whether it opens anything at this time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def principal(self) -> Principal:
        """Who calls with this key."""
        permissions = permissions_of(self.roles, self.scopes or None)
        return Principal(self.tenant, self.id, self.roles, permissions, self.tier, self.id)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to make. ``scopes`` narrow the roles; none: they are not narrowed."""

    name: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    tier: str = "standard"
    expires_at: int | None = None

    def check(self, maker: Principal, now: int) -> None:
        """Raise ``Invalid`` for what makes no sense, ``Forbidden`` for more than the maker has."""
        wrong = {
            "name": "" if 0 < len(self.name) <= _LONGEST_NAME else "must have 1 to 100 characters",
            "roles": _unknown_roles(self.roles),
            "scopes": ", ".join(
                f"{s!r} names no permission" for s in self.scopes if not matching([s])
            ),
            "tier": "" if self.tier in TIERS else f"must be one of {', '.join(TIERS)}",
            "expires_at": "must be in the future" if (self.expires_at or now + 1) <= now else "",
        }
        wrong = {field: message for field, message in wrong.items() if message}
        if wrong:
            raise Invalid("The API key cannot be made like this.", fields=wrong)
        granted = permissions_of(self.roles, self.scopes or None)
        if ALL not in maker.permissions and not granted <= maker.permissions:
            raise Forbidden("A key cannot be given permissions that its maker does not have.")


def new_secret() -> str:
    """A key with 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def digest_of(credential: bytes) -> bytes:
    """How a credential is stored and looked up.

    One round of SHA-256 is right for 256 random bits: there is nothing to guess, so nothing
    that a slow hash would slow down.
    """
    return sha256(credential).digest()


def looks_like_key(credential: str) -> bool:
    """Whether the text has a key's form, so that it is worth looking up."""
    return _KEY.fullmatch(credential) is not None


def shown(secret: str) -> str:
    """The part of a key by which people recognise it."""
    return secret[:_SHOWN]


def is_tenant(name: object) -> bool:
    """Whether a name from outside can be a tenant's."""
    return isinstance(name, str) and _TENANT.fullmatch(name) is not None


def _unknown_roles(roles: tuple[str, ...]) -> str:
    if not roles:
        return "must name at least one role"
    unknown = sorted(set(roles) - ROLES.keys())
    return f"unknown: {', '.join(unknown)}; there are {', '.join(ROLES)}" if unknown else ""
