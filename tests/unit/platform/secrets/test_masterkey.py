"""The master key's file: private, whole, and the same for all who ask."""

from __future__ import annotations

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lemnos.platform.secrets import decode_master_key, derive, load_or_create_master_key
from lemnos.platform.secrets.masterkey import MasterKeyError


def test_the_first_start_makes_a_key_that_only_its_owner_can_read(tmp_path: Path):
    path = tmp_path / "data" / "instance.key"
    old = os.umask(0)  # the mode must not depend on it
    try:
        key = load_or_create_master_key(path)
    finally:
        os.umask(old)
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_master_key(path) == key
    assert [p.name for p in path.parent.iterdir()] == ["instance.key"]


def test_processes_that_start_at_once_agree(tmp_path: Path):
    path = tmp_path / "instance.key"
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: load_or_create_master_key(path), range(64)))
    assert len(keys) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["instance.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int):
    path = tmp_path / "instance.key"
    load_or_create_master_key(path)
    path.chmod(mode)
    with pytest.raises(MasterKeyError, match="chmod 600"):
        load_or_create_master_key(path)


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(b"x" * 31).decode(), "ü" * 44])
def test_what_is_no_key_is_refused_and_not_shown(tmp_path: Path, text: str):
    path = tmp_path / "instance.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(MasterKeyError) as refused:
        load_or_create_master_key(path)
    assert not text or text not in refused.value.message


def test_a_key_from_the_environment():
    assert decode_master_key(base64.b64encode(b"k" * 32).decode() + "\n") == b"k" * 32


def test_keys_are_derived_as_rfc_5869_has_it():
    master = b"m" * 32
    expected = HKDF(SHA256(), 32, salt=b"\0" * 32, info=b"lemnos/jwt").derive(master)
    assert derive(master, "jwt") == expected
    assert derive(master, "webhooks") != expected
    assert len(derive(master, "jwt", 16)) == 16
