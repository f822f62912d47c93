"""Who calls: API keys, tokens issued here or by a trusted provider, roles and permissions."""

from lemnos.platform.identity.keys import ApiKeys
from lemnos.platform.identity.model import ApiKey, NewKey
from lemnos.platform.identity.oidc import JwksSource, OidcSettings, OidcVerifier
from lemnos.platform.identity.permissions import PERMISSIONS, ROLES, permissions_of
from lemnos.platform.identity.service import Identity
from lemnos.platform.identity.tokens import (
    SharedSecretVerifier,
    TokenIssuer,
    TokenSettings,
    TokenVerifier,
)

__all__ = [
    "PERMISSIONS",
    "ROLES",
    "ApiKey",
    "ApiKeys",
    "Identity",
    "JwksSource",
    "NewKey",
    "OidcSettings",
    "OidcVerifier",
    "SharedSecretVerifier",
    "TokenIssuer",
    "TokenSettings",
    "TokenVerifier",
    "permissions_of",
]
