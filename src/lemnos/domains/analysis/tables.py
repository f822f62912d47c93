"""Tables of the analysis domain; nobody else reads or writes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, Table, Text

from lemnos.platform.db.tables import metadata

analyses = Table(
    "analyses",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("asked", Text, nullable=False),  # JSON of model.NewAnalysis
    Column("branch", Text, nullable=False),
    Column("commit_id", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("progress", Float, nullable=False),
    Column("summary", Text),  # JSON of model.Summary
    Column("error", Text, nullable=False),
    Column("error_class", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Index("ix_analyses_page", "tenant", "created_at", "id"),
    Index("ix_analyses_repository", "tenant", "repository", "created_at", "id"),
)

# The measured files of an analysis, a few hundred to a row: they are written and read together.
measured = Table(
    "analysis_files",
    metadata,
    Column("analysis_id", Text, primary_key=True),
    Column("part", Integer, primary_key=True),  # the worst files first
    Column("tenant", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),  # JSON array of model.FileMetrics, zlib
)

opportunities = Table(
    "opportunities",
    metadata,
    Column("id", Text, primary_key=True),
    Column("analysis_id", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("position", Integer, nullable=False),  # by priority, from 0
    Column("content", Text, nullable=False),  # JSON of model.Opportunity
    Index("ix_opportunities_analysis", "analysis_id", "position"),
)

# What analysers have found in one content: the same wherever and whenever it is met again.
facts = Table(
    "analysis_facts",
    metadata,
    Column("tenant", Text, primary_key=True),
    # git's id of the content, the language, and the version of the analysers
    Column("key", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),  # MessagePack of facts.Facts
    Column("size_bytes", BigInteger, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    Index("ix_analysis_facts_used", "used_at"),
)
