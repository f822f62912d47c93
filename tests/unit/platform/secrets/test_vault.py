"""Sealing: only the same key, in the same place, untouched, opens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemnos.platform.secrets import SecretUnreadable, Vault

OLD, NEW = b"o" * 32, b"n" * 32


@given(st.text(), st.text(), st.binary(max_size=200))
def test_what_was_sealed_opens_in_its_place(tenant: str, name: str, secret: bytes):
    vault = Vault(OLD)
    assert vault.open(tenant, name, vault.seal(tenant, name, secret)) == secret


@given(st.text(max_size=9), st.text(max_size=9), st.text(max_size=9), st.text(max_size=9))
def test_it_opens_nowhere_else(tenant: str, name: str, other_tenant: str, other_name: str):
    vault = Vault(OLD)
    sealed = vault.seal(tenant, name, b"token")
    if (tenant, name) != (other_tenant, other_name):
        with pytest.raises(SecretUnreadable):
            vault.open(other_tenant, other_name, sealed)


def test_the_border_between_tenant_and_name_counts():
    vault = Vault(OLD)
    sealed = vault.seal("ab", "c", b"token")
    with pytest.raises(SecretUnreadable):
        vault.open("a", "bc", sealed)


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject):
    vault = Vault(OLD)
    sealed = bytearray(vault.seal("acme", "git", b"token"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SecretUnreadable):
        vault.open("acme", "git", bytes(sealed))


@pytest.mark.parametrize("length", range(33))
def test_a_value_cut_short_is_refused(length: int):
    vault = Vault(OLD)
    with pytest.raises(SecretUnreadable):
        vault.open("acme", "git", vault.seal("acme", "git", b"token")[:length])


def test_the_same_secret_is_never_sealed_alike():
    vault = Vault(OLD)
    assert len({vault.seal("acme", "git", b"token") for _ in range(100)}) == 100
    assert b"token" not in vault.seal("acme", "git", b"token")


def test_a_new_master_key_opens_and_replaces_what_the_old_one_sealed():
    sealed = Vault(OLD).seal("acme", "git", b"token")
    rotated = Vault(NEW, previous=[OLD])
    assert rotated.open("acme", "git", sealed) == b"token"
    assert rotated.outdated(sealed)

    renewed = rotated.seal("acme", "git", b"token")
    assert not rotated.outdated(renewed)
    assert Vault(NEW).open("acme", "git", renewed) == b"token"


def test_a_lost_master_key_is_told_apart_from_tampering():
    sealed = Vault(OLD).seal("acme", "git", b"token")
    with pytest.raises(SecretUnreadable) as lost:
        Vault(NEW).open("acme", "git", sealed)
    assert lost.value.code == "master_key_unknown"
