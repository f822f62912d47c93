"""Tables of routed tasks; only their own store reads or writes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from lemnos.platform.db.tables import metadata

# What a routed task was asked with, and how it was routed: read only where somebody looks.
orders = Table(
    "task_orders",
    metadata,
    Column("task_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("content", Text, nullable=False),  # JSON of model.Order
    Column("decision", Text),  # JSON of agents.model.Decision, the last one
    Column("tier", Integer),  # of the attempt that is under way, or was the last
    Column("attempts", Integer, nullable=False),
    # JSON: the verdicts on a fan-out's tries, and which one was kept.
    Column("judgement", Text),
    Column("course", Text, nullable=False),  # JSON of course.Course: how far its routing has come
    # The job that goes on with it, while that waits for a place, a time, or an agent with room.
    Column("parked_job", Text, nullable=False),
    Column("rank", BigInteger, nullable=False),  # its place among those that wait
    Index(
        "ix_task_orders_parked",
        "tenant",
        "rank",
        sqlite_where=text("parked_job <> ''"),
        postgresql_where=text("parked_job <> ''"),
    ),
)

# Which agents a parked task waits for: whoever has a place to give finds the first in rank.
waits = Table(
    "task_waits",
    metadata,
    Column("task_id", Text, primary_key=True),
    Column("agent_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("rank", BigInteger, nullable=False),
    Column("job", Text, nullable=False),  # to be hastened
    Index("ix_task_waits_agent", "tenant", "agent_id", "rank", "task_id"),
)
