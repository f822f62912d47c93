"""Who did what, in a chain by tenant; and each chain's head."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from lemnos.platform.db import metadata

audit_entries = Table(
    "audit_entries",
    metadata,
    # The order of insertion. What a chain goes by is ``seq``, given when an entry is sealed.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("ts", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("remote", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("seq", BigInteger),
    Column("prev_hash", Text),
    Column("hash", Text),
)

_SEALED = audit_entries.c.seq.is_not(None)
_UNSEALED = audit_entries.c.seq.is_(None)

# A chain cannot fork: a number is given once.
Index(
    "uq_audit_entries_tenant_seq",
    audit_entries.c.tenant,
    audit_entries.c.seq,
    unique=True,
    sqlite_where=_SEALED,
    postgresql_where=_SEALED,
)
# Holds only the few entries of the last moments.
Index(
    "ix_audit_entries_unsealed",
    audit_entries.c.id,
    sqlite_where=_UNSEALED,
    postgresql_where=_UNSEALED,
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)
