"""Answers that are kept for requests that come again."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text

from lemnos.platform.db import metadata

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    # Rows are pruned in the order of this key, which is that of time: no index on created_at.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("scope", LargeBinary, nullable=False, unique=True),
    Column("digest", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),  # 0: reserved, not answered yet
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("sealed", Integer, nullable=False),  # 1: the body is sealed, it holds a secret
)
