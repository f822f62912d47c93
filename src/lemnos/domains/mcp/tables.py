"""Tables of the mcp domain; nobody else reads or writes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from lemnos.platform.db.tables import metadata

mcp_servers = Table(
    "mcp_servers",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    # The whole definition is sealed: env and headers hold secrets, and args often do as well.
    Column("sealed", LargeBinary, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
