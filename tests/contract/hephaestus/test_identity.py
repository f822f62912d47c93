"""Service accounts: keys with a role and an end, tokens that other services have signed, scopes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.contract.hephaestus.site import GUARD_RAILS, SECRET, Site
from tests.support.shell import Shell

pytestmark = pytest.mark.e2e
ROLES = ("guard-rails", "cleanup", "analytics")


def signed(*, secret: str = SECRET, **claims: Any) -> str:
    """A token as another service makes it."""
    now = int(time.time())
    given = {"sub": "ci", "iat": now, "exp": now + 600, **claims}
    key = OctKey.import_key(secret.encode())
    return jwt.encode({"alg": "HS256"}, {k: v for k, v in given.items() if v is not None}, key)


def reached(site: Site, credential: str, task_ids: Sequence[str]) -> set[str]:
    """What a credential opens; ``task_ids``: a run of gates, and a task for agents."""
    run, task = task_ids
    calls = {
        "guard-rails": ("POST", GUARD_RAILS, {"gates": ["quick"]}),
        "runs": ("GET", GUARD_RAILS, None),
        "run": ("GET", f"/api/v1/tasks/{run}", None),
        "cleanup": ("POST", "/api/v1/cleanup", {"dry_run": True}),
        "analytics": ("GET", "/api/v1/analytics/rankings", None),
        "task": ("GET", f"/api/v1/tasks/{task}", None),
        "tasks": ("GET", "/api/v1/tasks", None),
    }
    with site.server.client_with(credential) as client:
        return {
            name
            for name, (method, path, body) in calls.items()
            if client.request(method, path, json=body).status_code == 200
        }


@pytest.fixture(scope="module")
def task_ids(site: Site) -> tuple[str, str]:
    run = site.start("quick")
    site.ended(run)
    created = site.server.create(
        repo_url=f"file://{site.project}", prompt="Tidy", config={"cli": "builtin"}
    )
    return run, created["id"]


OPENED = {
    "guard-rails": {"guard-rails", "runs", "run"},
    "cleanup": {"cleanup"},
    "analytics": {"analytics"},
}


@pytest.mark.parametrize("role", ROLES)
def test_a_key_with_one_role_opens_what_the_role_is_for(
    site: Site, task_ids: tuple[str, str], role: str
):
    shell = Shell(site.server.data, site.server.folder)
    made = shell("keys", "create", "ci", "--role", role, "--expires", "1h", "--json").json
    assert reached(site, made["key"], task_ids) == OPENED[role]
    assert made["roles"] == [role]


@pytest.mark.parametrize("role", ROLES)
def test_a_token_of_another_service_does_so_too(site: Site, task_ids: tuple[str, str], role: str):
    assert reached(site, signed(roles=[role]), task_ids) == OPENED[role]


@pytest.mark.parametrize("scope", ROLES)
def test_scopes_narrow_a_role(site: Site, task_ids: tuple[str, str], scope: str):
    token = signed(roles=["developer"], scope=scope)
    assert reached(site, token, task_ids) == OPENED[scope]
    shell = Shell(site.server.data, site.server.folder)
    made = shell("keys", "create", "ci", "--role", "developer", "--scope", scope, "--json").json
    assert reached(site, made["key"], task_ids) == OPENED[scope]


def test_one_of_another_kind_is_not_there(site: Site, task_ids: tuple[str, str]):
    """Whoever may clean learns nothing of runs of gates, and nothing of tasks for agents."""
    with site.server.client_with(signed(roles=["cleanup"])) as client:
        run = client.get(f"/api/v1/tasks/{task_ids[0]}")
        assert (run.status_code, run.json()["code"]) == (404, "task_not_found")
        cancel = client.post(f"/api/v1/tasks/{task_ids[0]}/cancel")
        assert (cancel.status_code, cancel.json()["code"]) == (404, "task_not_found")
        assert client.get(f"/api/v1/tasks/{task_ids[1]}").status_code == 403


BAD = {
    "expired": {"exp": int(time.time()) - 3600},
    "without an end": {"exp": None},
    "without a subject": {"sub": None},
    "without a beginning": {"iat": None},
    "without roles": {},
    "of another secret": {"secret": "another-secret-that-is-long-enough-too"},
    "for another audience": {"aud": "somebody-else"},
}


@pytest.mark.parametrize("claims", BAD.values(), ids=BAD.keys())
def test_a_token_that_is_not_good(site: Site, claims: dict[str, Any]):
    roles: dict[str, Any] = {"roles": ["guard-rails"]} if claims else {}
    answer = httpx2.get(
        f"{site.server.url}{GUARD_RAILS}",
        headers={"Authorization": f"Bearer {signed(**roles, **claims)}"},
    )
    assert answer.status_code == 401
    assert "detail" in answer.json()
