"""Tables of the refactoring domain; nobody else reads or writes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text

from lemnos.platform.db.tables import metadata

refactorings = Table(
    "refactorings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("asked", Text, nullable=False),  # JSON of model.NewRefactoring
    Column("analysis_id", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("task_id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("diff", LargeBinary, nullable=False),  # text, zlib
    Column("changed", Text),  # JSON, as the following three
    Column("report", Text),
    Column("effect", Text),
    Column("pull_request", Text),
    Column("error", Text, nullable=False),
    Column("error_class", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Index("ix_refactorings_page", "tenant", "created_at", "id"),
    Index("ix_refactorings_task", "task_id"),
)
