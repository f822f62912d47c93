"""The event log's tables: the head of each stream, and the events."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from lemnos.platform.db.tables import metadata

event_streams = Table(
    "event_streams",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("head", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# `id` never repeats, not even after the newest rows were deleted: it is a cursor. On SQLite it
# is the order of commits. On PostgreSQL that is (`txid`, `id`), see feed.py; SQLite leaves
# `txid` NULL, so that its index stays empty there.
events = Table(
    "events",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("stream", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("ts", BigInteger, nullable=False),
    Column("detail", LargeBinary, nullable=False),
    Column("txid", BigInteger),
    UniqueConstraint("stream", "seq"),
    sqlite_autoincrement=True,
)
Index(None, events.c.txid, events.c.id, sqlite_where=events.c.txid.is_not(None))
