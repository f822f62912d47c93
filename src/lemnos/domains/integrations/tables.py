"""Tables of the integrations domain; nobody else reads or writes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from lemnos.platform.db.tables import metadata

keys = Table(
    "provider_keys",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
