"""How far keys run ahead of their rate, for nodes that share a PostgreSQL and no Valkey."""

from sqlalchemy import BigInteger, Column, Table, Text

from lemnos.platform.db import metadata

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("key", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("tat", BigInteger, nullable=False),  # theoretical arrival time, microseconds
)
