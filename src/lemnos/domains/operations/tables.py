"""Table of the operations domain; nobody else reads or writes it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, LargeBinary, Table, Text

from lemnos.platform.db.tables import metadata

operations = Table(
    "operations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("request", Text, nullable=False),  # JSON
    Column("progress", Float, nullable=False),
    Column("stage", Text, nullable=False),
    Column("result", LargeBinary),  # JSON, zlib: a manifest can be long
    Column("error", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error_kind", Text, nullable=False),
    Column("error_fields", Text, nullable=False),  # JSON
    Column("trace_id", Text, nullable=False),
    Column("cancel_requested_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Index("ix_operations_page", "tenant", "created_at", "id"),
)
