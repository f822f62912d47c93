"""The engine's tables: the jobs of all queues, and the nodes that run them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from lemnos.platform.db import metadata

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("rank", BigInteger, nullable=False),  # the order within a queue: see port.rank
    Column("run_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("node", Text),  # the lease (nodes.id) under which it runs
    Column("epoch", Integer, nullable=False),  # counts claims: the fencing token
    Column("attempts", Integer, nullable=False),  # tries that ended in an exception
    Column("cut_off", Integer, nullable=False),  # 1 when a crash has interrupted a run
    Column("error", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    sqlite_with_rowid=False,  # its key is its order: one tree to write instead of two
)


def _partial(name: str, where: str, *columns: Column[object]) -> None:
    # Most rows are ended jobs, which none of the engine's queries want to meet.
    Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


_partial("ix_jobs_ready", "state = 'queued'", jobs.c.queue, jobs.c.rank, jobs.c.id)
_partial("ix_jobs_delayed", "state = 'delayed'", jobs.c.run_at)
_partial("ix_jobs_running", "state = 'running'", jobs.c.node)
_partial("ix_jobs_ended", "ended_at IS NOT NULL", jobs.c.ended_at)

nodes = Table(
    "nodes",
    metadata,
    Column("id", Text, primary_key=True),  # one process's life; never used again
    Column("name", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("heartbeat_at", BigInteger, nullable=False),  # by the database's clock
)
