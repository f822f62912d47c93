"""API keys."""

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from lemnos.platform.db import metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),  # for display: the start of the key
    Column("digest", LargeBinary, nullable=False, unique=True),  # SHA-256 of the key
    Column("roles", Text, nullable=False),  # JSON array
    Column("scopes", Text, nullable=False),  # JSON array; empty: not narrowed
    Column("tier", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("last_used_at", BigInteger),
)
