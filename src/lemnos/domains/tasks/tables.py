"""Tables of the tasks domain; nobody else reads or writes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, Table, Text, text

from lemnos.platform.db.tables import metadata

tasks = Table(
    "tasks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("repo_url", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("current_prompt", Text, nullable=False),
    Column("iteration", Integer, nullable=False),
    Column("config", Text, nullable=False),  # JSON of model.TaskConfig
    Column("sealed", LargeBinary, nullable=False),  # model.TaskSecrets, empty when there are none
    Column("provider_key", Text, nullable=False),
    Column("callback_url", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("result", Text),
    Column("error", Text),
    Column("error_class", Text, nullable=False),
    Column("runtime", Text, nullable=False),
    Column("runtime_reason", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("changes", Text),  # JSON of model.Changes
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("duration_seconds", Float),
    Column("cost_usd", Float),
    Column("branch", Text),
    Column("pr_number", BigInteger),
    Column("pr_url", Text),
    Column("pushed_commit", Text, nullable=False),
    Column("pr_request", Text),  # JSON of model.PullRequestAsked while one is being made
    Column("cancel_requested_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("type", Text, nullable=False, server_default="code_generation"),  # model.TaskType
    Column("priority", Text, nullable=False, server_default="medium"),  # model.Priority
    # Routed to an agent of the registry: 1; then there is an order, and agent_id is who does it.
    Column("routed", Integer, nullable=False, server_default="0"),
    Column("agent_id", Text, nullable=False, server_default=""),
    Column("user_id", Text, nullable=False, server_default=""),
    Column(
        "parent_id", Text, nullable=False, server_default=""
    ),  # the fan-out task that it is one of
    # JSON of gating.GateRecord of the current iteration, where the task asked for gates.
    Column("gates", Text),
    # A page is read by key: (created_at, id) descending, of one tenant, maybe of one status.
    Index("ix_tasks_page", "tenant", "created_at", "id"),
    Index("ix_tasks_page_status", "tenant", "status", "created_at", "id"),
)


def _partial(name: str, column: str, where: str) -> None:
    # Most tasks have the common value, and would only make writing slower.
    columns = (tasks.c.tenant, tasks.c[column], tasks.c.created_at, tasks.c.id)
    Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


_partial("ix_tasks_page_type", "type", "type <> 'code_generation'")
_partial("ix_tasks_page_agent", "agent_id", "agent_id <> ''")
_partial("ix_tasks_page_user", "user_id", "user_id <> ''")
_partial("ix_tasks_parent", "parent_id", "parent_id <> ''")

iterations = Table(
    "task_iterations",
    metadata,
    Column("task_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("result", Text),
    Column("error", Text),
    Column("changes", Text),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("duration_seconds", Float),
    Column("cost_usd", Float),
    Column("session", Text, nullable=False),
    # The agent's outcome as soon as it is known, so that a crash right after does not run it again.
    Column("outcome", Text),
    # The agent's process group, to end what a crash of the server has left behind.
    Column("node", Text),
    Column("pgid", BigInteger),
    Column("started_ticks", BigInteger),
    Column("gates", Text),  # JSON of gating.GateRecord, kept while repairs go on
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
)

# The last iteration's diff, so that it can be read when the workspace is gone, and on any node.
diffs = Table(
    "task_diffs",
    metadata,
    Column("task_id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),  # JSON of workspaces.ports.Diff, zlib
)
