"""Secrets at rest: sealed under a key that lies outside the database."""

from lemnos.platform.secrets.masterkey import (
    decode_master_key,
    derive,
    load_or_create_master_key,
)
from lemnos.platform.secrets.vault import SecretUnreadable, Vault

__all__ = [
    "SecretUnreadable",
    "Vault",
    "decode_master_key",
    "derive",
    "load_or_create_master_key",
]
