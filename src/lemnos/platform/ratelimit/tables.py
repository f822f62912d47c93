"""How far keys run ahead of their rate, for nodes that share a PostgreSQL and no Valkey.

No tenant: a row is about an API key or an address, and holds nothing of anyone's.
"""

from sqlalchemy import BigInteger, Column, Table, Text

from lemnos.platform.db import metadata

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("key", Text, primary_key=True),
    Column("tat", BigInteger, nullable=False),  # theoretical arrival time, microseconds
)
