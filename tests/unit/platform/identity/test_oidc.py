"""Tokens of a real OpenID Connect provider on loopback."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, OKPKey, RSAKey

from lemnos.adapters.net.jwks import HttpJwks
from lemnos.kernel.errors import Unauthenticated, Unavailable
from lemnos.platform.db import Database
from lemnos.platform.identity import Identity, OidcSettings, OidcVerifier, TokenIssuer
from tests.support.loopback import Reply, Request
from tests.support.oidc import OidcIssuer
from tests.unit.platform.identity.conftest import SETTINGS
from tests.unit.platform.identity.test_tokens import by_hand

CLAIMS = {"tenant_id": "acme", "roles": ["developer"]}


def verifier(issuer: OidcIssuer, **changed: Any) -> OidcVerifier:
    return OidcVerifier(OidcSettings(issuer.url, issuer.audience, **changed), HttpJwks(issuer.url))


def fetches(issuer: OidcIssuer) -> int:
    return sum(request.path == "/jwks" for request in issuer.requests)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch):
    """Let time pass for the key ring alone."""
    passed = [0.0]
    monkeypatch.setattr(
        "lemnos.platform.identity.oidc.monotonic", lambda: time.monotonic() + passed[0]
    )

    def wait(seconds: float) -> None:
        passed[0] += seconds

    return wait


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_token_names_its_caller(oidc_issuer: OidcIssuer, algorithm: Any):
    token = oidc_issuer.token("user-7", CLAIMS, algorithm)
    caller, _ = await verifier(oidc_issuer).verify(token)
    assert (caller.tenant, caller.subject, caller.roles) == ("acme", "oidc:user-7", ("developer",))
    assert caller.may("tasks:write")
    assert not caller.may("identity:admin")


class Published:
    """A key set at hand."""

    def __init__(self, *keys: Any) -> None:
        self.jwks: Mapping[str, Any] = KeySet(list(keys)).as_dict(private=False)

    async def fetch(self) -> Mapping[str, Any]:
        return self.jwks


@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
async def test_ed25519_is_accepted_under_both_names(oidc_issuer: OidcIssuer, algorithm: str):
    key = OKPKey.generate_key("Ed25519", {"kid": "ed"})
    settings = OidcSettings(oidc_issuer.url, "lemnos", default_tenant="acme")
    claims = {"iss": oidc_issuer.url, "aud": "lemnos", "sub": "u", "exp": 4e9}
    header = {"alg": algorithm, "kid": "ed"}
    token = jwt.encode(header, claims, key, algorithms=[algorithm])
    caller, _ = await OidcVerifier(settings, Published(key)).verify(token)
    assert caller.subject == "oidc:u"


async def test_claims_mean_what_the_operator_says(oidc_issuer: OidcIssuer):
    mapped = verifier(
        oidc_issuer,
        tenant_claim="https://example.com/org.unit",
        roles_claim="realm_access.roles",
        role_names={"platform-team": "admin"},
    )
    claims = {
        "https://example.com/org.unit": "acme",
        "realm_access": {"roles": ["platform-team", "unknown"]},
        "roles": ["owner"],
    }
    caller, _ = await mapped.verify(oidc_issuer.token(claims=claims))
    assert caller.roles == ("admin", "unknown")
    assert caller.may("identity:admin")
    assert not caller.may("*")


async def test_a_token_without_a_tenant_needs_a_default(oidc_issuer: OidcIssuer):
    token = oidc_issuer.token(claims={"roles": ["viewer"]})
    with pytest.raises(Unauthenticated, match="tenant"):
        await verifier(oidc_issuer).verify(token)
    caller, _ = await verifier(oidc_issuer, default_tenant="acme").verify(token)
    assert caller.tenant == "acme"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": None},
        {"sub": None},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
    ],
)
async def test_wrong_claims_are_refused(oidc_issuer: OidcIssuer, changed: dict[str, Any]):
    with pytest.raises(Unauthenticated):
        await verifier(oidc_issuer).verify(oidc_issuer.token(claims={**CLAIMS, **changed}))


async def test_an_expired_token_is_refused(oidc_issuer: OidcIssuer):
    with pytest.raises(Unauthenticated) as refused:
        await verifier(oidc_issuer).verify(oidc_issuer.token(claims=CLAIMS, lifetime=-60))
    assert refused.value.code == "token_expired"


async def test_a_public_key_does_not_serve_as_a_secret(oidc_issuer: OidcIssuer):
    public = RSAKey.generate_key(2048, {"kid": "rsa"})
    claims = {"iss": oidc_issuer.url, "aud": "lemnos", "sub": "u", "exp": 4_000_000_000, **CLAIMS}
    check = OidcVerifier(OidcSettings(oidc_issuer.url, "lemnos"), Published(public))
    assert await check.verify(jwt.encode({"alg": "RS256", "kid": "rsa"}, claims, public))
    for secret in (public.as_pem(private=False), public.as_der(private=False)):
        with pytest.raises(Unauthenticated):
            await check.verify(by_hand({"alg": "HS256", "kid": "rsa"}, claims, secret))


async def test_a_symmetric_key_in_the_set_is_not_used(oidc_issuer: OidcIssuer):
    key = OctKey.generate_key(256, {"kid": "oct"})
    source = Published()
    source.jwks = {"keys": [key.as_dict(private=True), "rubbish", {"kty": "RSA"}, {"kid": "x"}]}
    claims = {"iss": oidc_issuer.url, "aud": "lemnos", "sub": "u", "exp": 4e9, **CLAIMS}
    check = OidcVerifier(OidcSettings(oidc_issuer.url, "lemnos"), source)
    with pytest.raises(Unauthenticated):
        await check.verify(jwt.encode({"alg": "HS256", "kid": "oct"}, claims, key))


async def test_an_encryption_key_does_not_check_signatures(oidc_issuer: OidcIssuer):
    key = RSAKey.generate_key(2048, {"kid": "enc"})
    source = Published()
    source.jwks = {"keys": [{**key.as_dict(private=False), "use": "enc"}]}
    claims = {"iss": oidc_issuer.url, "aud": "lemnos", "sub": "u", "exp": 4e9, **CLAIMS}
    check = OidcVerifier(OidcSettings(oidc_issuer.url, "lemnos"), source)
    with pytest.raises(Unauthenticated):
        await check.verify(jwt.encode({"alg": "RS256", "kid": "enc"}, claims, key))


async def test_a_key_set_that_a_header_points_to_is_not_fetched(oidc_issuer: OidcIssuer):
    with OidcIssuer() as attacker:
        forged = attacker.token(
            claims={**CLAIMS, "iss": oidc_issuer.url}, headers={"jku": attacker.jwks_url}
        )
        with pytest.raises(Unauthenticated):
            await verifier(oidc_issuer).verify(forged)
        assert attacker.requests == []


async def test_new_keys_are_found_and_withdrawn_ones_refused(oidc_issuer: OidcIssuer, later):
    check = verifier(oidc_issuer)
    old = oidc_issuer.token(claims=CLAIMS)
    await check.verify(old)
    oidc_issuer.rotate("RS256", retire=True)
    later(31)
    await check.verify(oidc_issuer.token(claims=CLAIMS))
    with pytest.raises(Unauthenticated):
        await check.verify(old)


async def test_unknown_key_ids_do_not_make_it_fetch_each_time(oidc_issuer: OidcIssuer, later):
    check = verifier(oidc_issuer)
    await check.verify(oidc_issuer.token(claims=CLAIMS))
    for number in range(50):
        token = oidc_issuer.token(claims=CLAIMS, headers={"kid": f"made-up-{number}"})
        with pytest.raises(Unauthenticated):
            await check.verify(token)
    assert fetches(oidc_issuer) == 1
    later(31)
    with pytest.raises(Unauthenticated):
        await check.verify(oidc_issuer.token(claims=CLAIMS, headers={"kid": "made-up"}))
    assert fetches(oidc_issuer) == 2


async def test_known_keys_hold_while_the_provider_is_away(oidc_issuer: OidcIssuer, later):
    check = verifier(oidc_issuer)
    token = oidc_issuer.token(claims=CLAIMS)
    await check.verify(token)
    oidc_issuer.available = False
    later(3601)
    await check.verify(token)
    later(24 * 3600)
    with pytest.raises(Unavailable):
        await check.verify(token)


async def test_without_any_keys_it_is_unavailable_not_refused(oidc_issuer: OidcIssuer):
    oidc_issuer.available = False
    with pytest.raises(Unavailable):
        await verifier(oidc_issuer).verify(oidc_issuer.token(claims=CLAIMS))


async def test_a_discovery_document_of_someone_else_is_refused(oidc_issuer: OidcIssuer):
    with pytest.raises(Unavailable, match="does not describe"):
        await HttpJwks(oidc_issuer.url + "/").fetch()


async def test_a_provider_beside_our_own_tokens(database: Database, oidc_issuer: OidcIssuer):
    own = TokenIssuer(SETTINGS)
    identity = Identity(database, own, [verifier(oidc_issuer)])
    caller = await identity.authenticate(oidc_issuer.token("user-7", CLAIMS))
    assert caller.subject == "oidc:user-7"
    assert (await identity.authenticate(own.issue(caller))).tenant == "acme"
    # The name of an issuer does not make a token that of the issuer.
    posing = oidc_issuer.token(claims={**CLAIMS, "iss": own.issuer})
    with pytest.raises(Unauthenticated):
        await identity.authenticate(posing)


@pytest.mark.parametrize(
    "answer",
    [
        Reply(302, headers={"Location": "/jwks"}),
        Reply(200, b"<html>"),
        Reply(200, b"[]"),
        Reply(200, b"[" * 100_000),
        Reply(200, b"\xff" * 10),
        Reply(200, (b" " * 65536 for _ in range(32))),
        Reply(500),
    ],
    ids=["redirect", "html", "list", "deep", "binary", "long", "error"],
)
async def test_an_odd_answer_of_a_provider_is_refused(answer: Reply):
    class Odd(OidcIssuer):
        def answer(self, request: Request) -> Reply:
            return answer

    with Odd() as issuer, pytest.raises(Unavailable):
        await HttpJwks(issuer.url, issuer.jwks_url).fetch()
