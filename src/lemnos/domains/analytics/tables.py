"""Table of the analytics domain; nobody else reads or writes it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from lemnos.platform.db.tables import metadata

# What tests and other systems have measured and sent; the latest of each kind counts.
measurements = Table(
    "measurements",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("workspace", Text, primary_key=True),  # the folder, resolved, or the task's id
    Column("kind", Text, primary_key=True),  # coverage, churn
    Column("source", Text, primary_key=True),  # who measured: guard-rails, or the caller's word
    Column("commit_id", Text, nullable=False),  # what it was measured on; may be empty
    Column("content", LargeBinary, nullable=False),  # JSON by path, zlib
    Column("files", BigInteger, nullable=False),
    Column("measured_at", BigInteger, nullable=False),
)
