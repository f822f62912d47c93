"""Tables of the agents domain; nobody else reads or writes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, Table, Text, text

from lemnos.platform.db.tables import metadata

agents = Table(
    "agents",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("agent_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("capabilities", Text, nullable=False),  # JSON array
    Column("constraints", Text, nullable=False),  # JSON of model.Constraints
    Column("config", Text, nullable=False),  # JSON of model.AgentConfig
    Column("status", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # its own API key, empty when it has none
    Column("breaker", Text, nullable=False),  # JSON of model.Breaker
    Column("created_by", Text, nullable=False),
    Column("registered_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("last_seen", BigInteger),
    Column("probe", Text),  # JSON of model.Probe: the last one
    Column("checked_at", BigInteger),  # when that was
)

attempts = Table(
    "agent_attempts",
    metadata,
    Column("id", Text, primary_key=True),  # time-ordered
    Column("tenant", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("task_id", Text, nullable=False),
    Column("iteration", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("tier", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("verdict", Text),
    Column("error_class", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("interrupted", Integer, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_usd", Float),
    Column("first_response_ms", Float),
    Index("ix_agent_attempts_task", "task_id", "iteration", "number"),
    Index("ix_agent_attempts_agent", "tenant", "agent_id", "started_at"),
    Index("ix_agent_attempts_started", "tenant", "started_at"),
    # An agent's load is the number of its attempts that have not ended: few among many rows.
    Index(
        "ix_agent_attempts_running",
        "tenant",
        "agent_id",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

# What could be checked of an agent's work, once for each kind and iteration of a task.
judgements = Table(
    "agent_judgements",
    metadata,
    Column("task_id", Text, primary_key=True),
    Column("iteration", Integer, primary_key=True),
    Column("kind", Text, primary_key=True),  # model.Judgement
    Column("tenant", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("passed", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_agent_judgements_at", "tenant", "at"),
)

# Probes of an agent's runtime and model endpoint, for its uptime; pruned after two days.
probes = Table(
    "agent_probes",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("agent_id", Text, primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("status", Text, nullable=False),  # model.Health
    Column("problem", Text, nullable=False),
    Column("duration_ms", Float, nullable=False),
)
