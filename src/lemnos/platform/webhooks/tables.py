"""Tables of the webhook outbox."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, Table, Text

from lemnos.platform.db.tables import metadata

deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),  # time-ordered: the order of an endpoint's deliveries
    Column("tenant", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Index("ix_webhook_deliveries_due", "state", "next_at"),
    Index("ix_webhook_deliveries_order", "endpoint", "state", "id"),
    Index("ix_webhook_deliveries_tenant", "tenant", "endpoint", "id"),
)

attempts = Table(
    "webhook_attempts",
    metadata,
    Column("delivery_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("status", Integer, nullable=False),
    Column("problem", Text, nullable=False),
    Column("duration_seconds", Float, nullable=False),
    Column("at", BigInteger, nullable=False),
)

# Endpoints that a tenant registered for events, whatever they are about.
endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("events", Text, nullable=False),  # JSON array
    Column("active", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # the secret that signs
    Column("previous", LargeBinary),  # the one before, which signs too until previous_until
    Column("previous_until", BigInteger),
    Column("created_by", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("failing_since", BigInteger),  # the first failed attempt since one has landed
    Column("off_reason", Text),  # why the server has switched it off
    Index("ix_webhook_endpoints_tenant", "tenant", "created_at", "id"),
)
