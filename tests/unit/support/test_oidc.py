"""The OIDC issuer, verified through what it publishes."""

from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.support.oidc import OidcIssuer


def published(issuer: OidcIssuer) -> KeySet:
    discovery = httpx2.get(issuer.url + "/.well-known/openid-configuration").json()
    assert discovery["issuer"] == issuer.url
    keys = httpx2.get(discovery["jwks_uri"]).json()
    assert all("d" not in key for key in keys["keys"])
    return KeySet.import_key_set(keys)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_tokens_verify_against_the_published_keys(oidc_issuer: OidcIssuer, algorithm: Any) -> None:
    token = oidc_issuer.token("ada", {"groups": ["ops"], "iat": None}, algorithm)
    decoded = jwt.decode(token, published(oidc_issuer), algorithms=[algorithm])
    assert decoded.claims["sub"] == "ada"
    assert decoded.claims["groups"] == ["ops"]
    assert "iat" not in decoded.claims


def test_rotation_adds_a_key_and_may_retire_the_old(oidc_issuer: OidcIssuer) -> None:
    old = oidc_issuer.token()
    oidc_issuer.rotate()
    jwt.decode(old, published(oidc_issuer))
    jwt.decode(oidc_issuer.token(), published(oidc_issuer))
    oidc_issuer.rotate(retire=True)
    with pytest.raises((JoseError, ValueError)):
        jwt.decode(old, published(oidc_issuer))
    jwt.decode(oidc_issuer.token(), published(oidc_issuer))


def test_it_can_be_away(oidc_issuer: OidcIssuer) -> None:
    oidc_issuer.available = False
    assert httpx2.get(oidc_issuer.jwks_url).status_code == 503
    assert len(oidc_issuer.requests) == 1
