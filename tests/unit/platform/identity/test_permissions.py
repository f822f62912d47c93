"""Roles grant, scopes leave less, and what is not known grants nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemnos.platform.identity import PERMISSIONS, ROLES, permissions_of

any_roles = st.lists(st.sampled_from(sorted(ROLES)) | st.text(max_size=9))
any_scopes = st.lists(st.sampled_from([*sorted(PERMISSIONS), "*", "tasks:*", "*:read"]) | st.text())


def test_roles():
    assert permissions_of(["owner"]) == PERMISSIONS | {"*"}
    assert permissions_of(["admin"]) == PERMISSIONS
    assert permissions_of(["viewer"]) == {p for p in PERMISSIONS if p.endswith(":read")}
    developer = permissions_of(["developer"])
    assert {"tasks:write", "workspaces:write", "keys:read"} <= developer
    assert not {"keys:write", "identity:admin", "audit:read", "*"} & developer


@pytest.mark.parametrize("roles", [[], ["root"], ["OWNER"], ["*"], ["own*"]])
def test_what_is_no_role_grants_nothing(roles: list[str]):
    assert permissions_of(roles) == frozenset()


@given(any_roles, any_scopes)
def test_scopes_never_grant(roles: list[str], scopes: list[str]):
    narrowed = permissions_of(roles, scopes)
    assert narrowed <= permissions_of(roles)
    assert "*" not in narrowed


@given(any_roles)
def test_no_scopes_at_all_differ_from_an_empty_list(roles: list[str]):
    assert permissions_of(roles, []) == frozenset()
    assert permissions_of(roles, None) == permissions_of(roles)


def test_scopes_narrow_an_owner():
    assert permissions_of(["owner"], ["tasks:*"]) == {"tasks:read", "tasks:write"}
    assert permissions_of(["viewer"], ["tasks:*"]) == {"tasks:read"}
