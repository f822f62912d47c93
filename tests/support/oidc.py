"""An OpenID Connect issuer: discovery, JWKS, tokens, and keys that rotate.

Discovery is that of OpenID Connect Discovery 1.0, the key set that of RFC 7517.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal

from joserfc import jwt
from joserfc.jwk import ECKey, KeyParameters, KeySet, RSAKey

from tests.support.loopback import LoopbackServer, Reply, Request

Algorithm = Literal["RS256", "ES256"]


class OidcIssuer(LoopbackServer):
    """Signs with its newest key of an algorithm and publishes all that are not retired.

    `requests` are those that came, so that a test can count how often the keys were fetched.
    """

    def __init__(self, audience: str = "lemnos") -> None:
        super().__init__()
        self.audience = audience
        self.requests: list[Request] = []
        self.available = True
        self._serial = 0
        self._keys: list[RSAKey | ECKey] = []
        self.rotate("RS256")
        self.rotate("ES256")

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/jwks"

    def rotate(self, algorithm: Algorithm = "RS256", retire: bool = False) -> str:
        """Make a new signing key, and perhaps withdraw the old ones; returns its `kid`."""
        self._serial += 1
        kid = f"key-{self._serial}"
        parameters: KeyParameters = {"kid": kid, "alg": algorithm, "use": "sig"}
        if retire:
            self._keys = [key for key in self._keys if key.get("alg") != algorithm]
        if algorithm == "RS256":
            self._keys.append(RSAKey.generate_key(2048, parameters))
        else:
            self._keys.append(ECKey.generate_key("P-256", parameters))
        return kid

    def token(
        self,
        subject: str = "user-1",
        claims: Mapping[str, Any] | None = None,
        algorithm: Algorithm = "RS256",
        lifetime: float = 300,
        headers: Mapping[str, Any] | None = None,
    ) -> str:
        """A signed token that lives for `lifetime` seconds; a claim of None is left out."""
        now = int(time.time())
        standard = {"iss": self.url, "aud": self.audience, "sub": subject, "iat": now}
        merged = standard | {"exp": now + int(lifetime)} | dict(claims or {})
        key = next(key for key in reversed(self._keys) if key.get("alg") == algorithm)
        return jwt.encode(
            {"alg": algorithm, "kid": key.kid, "typ": "JWT", **(headers or {})},
            {name: value for name, value in merged.items() if value is not None},
            key,
        )

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        if not self.available:
            return Reply(503)
        if request.path == "/.well-known/openid-configuration":
            return Reply.json(self._discovery())
        if request.path == "/jwks":
            return Reply.json(KeySet(list(self._keys)).as_dict(private=False))
        return Reply(404)

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "jwks_uri": self.jwks_url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        }
