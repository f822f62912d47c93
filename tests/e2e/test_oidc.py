"""Tokens of an OpenID Connect provider open the server, as far as their claims say."""

from __future__ import annotations

from pathlib import Path

from tests.support.oidc import OidcIssuer
from tests.support.server import LemnosServer


def test_a_providers_tokens_are_accepted_for_what_they_say(tmp_path: Path) -> None:
    with OidcIssuer(audience="lemnos") as issuer:
        env = {"LEMNOS_OIDC_ISSUER": issuer.url, "LEMNOS_OIDC_AUDIENCE": "lemnos"}
        with LemnosServer(tmp_path, env=env) as server:
            viewer = issuer.token("ada", {"tenant_id": "engines", "roles": ["viewer"]})
            with server.client_with(viewer) as client:
                assert client.get("/api/v1/tasks").json()["tasks"] == []
                key = {"name": "k", "provider": "github", "token": "t"}
                assert client.post("/api/v1/keys", json=key).status_code == 403
            admin = issuer.token("grace", {"tenant_id": "engines", "roles": ["admin"]})
            with server.client_with(admin) as client:
                assert client.post("/api/v1/keys", json=key).status_code == 201
                assert [one["name"] for one in client.get("/api/v1/keys").json()["keys"]] == ["k"]
            # Another tenant's is another's, and the owner of this machine sees neither.
            stranger = issuer.token("eve", {"tenant_id": "others", "roles": ["admin"]})
            for client in (server.client_with(stranger), server.client):
                assert client.get("/api/v1/keys").json()["keys"] == []
    nobody = OidcIssuer(audience="lemnos")
    with nobody, LemnosServer(tmp_path, env=env) as server:
        foreign = nobody.token("mallory", {"tenant_id": "engines", "roles": ["owner"]})
        with server.client_with(foreign) as client:
            assert client.get("/api/v1/tasks").status_code == 401
