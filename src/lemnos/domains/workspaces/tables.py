"""Tables of the workspaces domain; nobody else reads or writes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from lemnos.platform.db.tables import metadata

workspaces = Table(
    "workspaces",
    metadata,
    Column("task_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("checkout", Text, nullable=False),  # JSON of ports.Checkout
    Column("home", Text, nullable=False),
    Column("held", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_workspaces_tenant", "tenant", "task_id"),
    Index("ix_workspaces_node", "node", "held", "last_used_at"),
)

# What an agent has changed so far, kept beyond its workspace: an expired one is made again from
# it, on any node.
snapshots = Table(
    "workspace_snapshots",
    metadata,
    Column("task_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("base", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("patch", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
