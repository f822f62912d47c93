"""Records as CodeForge shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lemnos.api.codeforge import wire
from lemnos.api.kit import gates
from lemnos.domains.integrations.model import Key, NewKey, Provider
from lemnos.domains.integrations.ports import Verified
from lemnos.domains.mcp.model import McpDefinition
from lemnos.domains.tasks.gating import plain_gates
from lemnos.domains.tasks.model import (
    Changes,
    Iteration,
    NewTask,
    Status,
    Task,
    TaskConfig,
    TaskSecrets,
    Usage,
)
from lemnos.domains.workspaces.model import Workspace
from lemnos.domains.workspaces.ports import Diff
from lemnos.kernel.clock import iso, iso_or_none
from lemnos.kernel.page import Page
from lemnos.platform.webhooks.model import Attempt, Delivery, State

_MB = 1024 * 1024
Json = dict[str, object]


def status_of(status: Status) -> str:
    """CodeForge knows no paused task: to its clients the iteration has failed, work kept."""
    return "failed" if status is Status.PAUSED else status.value


def new_task(body: wire.CreateTask) -> NewTask:
    """The request as the domain takes it."""
    config = body.config
    return NewTask(
        repo_url=body.repo_url,
        prompt=body.prompt,
        config=TaskConfig(
            timeout_seconds=config.timeout_seconds,
            cli=config.cli,
            ai_model=config.ai_model,
            max_turns=config.max_turns,
            target_branch=config.target_branch,
            max_budget_usd=config.max_budget_usd,
            gates=gates.asked(body.gates),
        ),
        secrets=TaskSecrets(
            access_token=body.access_token or "",
            ai_api_key=config.ai_api_key or "",
            mcp_servers=tuple(definition(server) for server in config.mcp_servers),
        ),
        provider_key=body.provider_key,
        callback_url=body.callback_url,
    )


def definition(server: wire.McpServer) -> McpDefinition:
    """An MCP server as the domain takes it."""
    return McpDefinition(
        server.name,
        server.package,
        server.command,
        server.url,
        tuple(server.args),
        server.env,
        server.headers,
    )


def new_key(body: wire.RegisterKey) -> NewKey:
    """A key as the domain takes it."""
    return NewKey(body.name, Provider(body.provider), body.token, body.scope, body.host)


def created(task: Task) -> Json:
    """The answer to a new task."""
    return {"id": task.id, "status": task.status.value, "created_at": iso(task.created_at)}


def task(found: Task, iterations: Sequence[Iteration] | None = None, *, whole: bool = True) -> Json:
    """A task; ``whole``: with all that its gates found."""
    shown: Json = {
        "id": found.id,
        "task_id": found.id,
        "status": status_of(found.status),
        "repo_url": found.repo_url,
        "prompt": found.prompt,
        "config": _config(found.config),
        "result": found.result,
        "error": found.error,
        "error_class": found.error_class or None,
        "changes_summary": _changes(found.changes),
        "usage": _usage(found.usage),
        "gates": plain_gates(found.gates, whole=whole),
        "iteration": found.iteration,
        "current_prompt": found.current_prompt,
        "cli": found.runtime or None,
        "cli_reason": found.runtime_reason or None,
        "paused": found.status is Status.PAUSED,
        "branch": found.branch,
        "pr_number": found.pr_number,
        "pr_url": found.pr_url,
        "trace_id": found.trace_id,
        "created_at": iso(found.created_at),
        "started_at": iso_or_none(found.started_at),
        "finished_at": iso_or_none(found.finished_at),
    }
    if iterations is not None:
        shown["iterations"] = [_iteration(one) for one in iterations]
    return shown


def followed(found: Task, percentage: int, iterations: Sequence[Iteration] | None = None) -> Json:
    """A task that was asked for by its id: also how far it is, from 0 to 1."""
    return {**task(found, iterations), "progress": percentage / 100}


def connected(found: Task) -> Json:
    """How a task's stream begins."""
    return {"task_id": found.id, "status": status_of(found.status)}


def done(found: Task) -> Json:
    """How a task's stream ends when the task is at rest."""
    return {**connected(found), "changes_summary": _changes(found.changes)}


def tasks(page: Page[Task], limit: int, offset: int) -> Json:
    """A page of tasks."""
    return {
        "tasks": [task(found, whole=False) for found in page.items],
        "total": page.total,
        "limit": limit,
        "offset": offset,
        "next": page.next_key,
    }


def diff(found: Diff) -> Json:
    """The changes of a task."""
    return {
        "files": [
            {
                "path": file.path,
                "old_path": file.old_path or None,
                "status": file.status,
                "additions": file.additions,
                "deletions": file.deletions,
                "binary": file.binary,
            }
            for file in found.files
        ],
        "additions": found.additions,
        "deletions": found.deletions,
        "diff": found.text,
        "truncated": found.truncated,
        "notes": list(found.notes),
    }


def pull_request(found: Task) -> Json:
    """The pull request of a task."""
    return {"pr_url": found.pr_url, "pr_number": found.pr_number, "branch": found.branch}


def key(found: Key) -> Json:
    """A key without its token."""
    return {
        "name": found.name,
        "provider": found.provider.value,
        "scope": found.scope,
        "host": found.host or None,
        "created_at": iso(found.created_at),
    }


def verified(name: str, said: Verified) -> Json:
    """What a host says of a key."""
    return {
        "name": name,
        "valid": said.valid,
        "account": said.account,
        "scopes": list(said.scopes),
        "problem": said.problem,
    }


def server(found: McpDefinition) -> Json:
    """An MCP server; what is given must be redacted already."""
    return {
        "name": found.name,
        "package": found.package,
        "command": found.command,
        "url": found.url,
        "args": list(found.args),
        "env": dict(found.env),
        "headers": dict(found.headers),
    }


def workspaces(found: Sequence[Workspace], statuses: Mapping[str, Status]) -> Json:
    """All workspaces, with what their tasks do."""
    total = sum(workspace.size_bytes for workspace in found)
    return {
        "workspaces": [
            {
                "task_id": one.task_id,
                "size_mb": round(one.size_bytes / _MB, 3),
                "created_at": iso(one.created_at),
                "expires_at": iso(one.expires_at),
                "task_status": status_of(statuses[one.task_id])
                if one.task_id in statuses
                else "unknown",
                "node": one.node,
            }
            for one in found
        ],
        "total_size_mb": round(total / _MB, 3),
        "total_count": len(found),
    }


def delivery(found: Delivery, attempts: Sequence[Attempt]) -> Json:
    """A callback with its attempts."""
    pending = found.state is State.PENDING
    return {
        "id": found.id,
        "url": found.url,
        "event": found.event,
        "state": found.state.value,
        "created_at": iso(found.created_at),
        "next_attempt_at": iso(found.next_at) if pending else None,
        "attempts": [
            {
                "number": one.number,
                "status": one.status,
                "problem": one.problem,
                "duration_seconds": round(one.duration_seconds, 3),
                "at": iso(one.at),
            }
            for one in attempts
        ],
    }


def _config(config: TaskConfig) -> Json:
    return {
        "timeout_seconds": config.timeout_seconds,
        "cli": config.cli,
        "ai_model": config.ai_model,
        "max_turns": config.max_turns,
        "target_branch": config.target_branch,
        "max_budget_usd": config.max_budget_usd,
        "gates": gates.shown_request(config.gates),
    }


def _changes(changes: Changes | None) -> Json | None:
    if changes is None:
        return None
    return {
        "files_changed": changes.files_changed,
        "insertions": changes.insertions,
        "deletions": changes.deletions,
    }


def _usage(usage: Usage | None) -> Json | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage.input_tokens or 0,
        "output_tokens": usage.output_tokens or 0,
        "duration_seconds": round(usage.duration_seconds, 3),
        "cost_usd": usage.cost_usd,
    }


def _iteration(one: Iteration) -> Json:
    shown: Json = {
        "number": one.number,
        "prompt": one.prompt,
        "result": one.result,
        "error": one.error,
        "status": status_of(one.status),
        "changes": _changes(one.changes),
        "usage": _usage(one.usage),
        "started_at": iso_or_none(one.started_at),
        "ended_at": iso_or_none(one.ended_at),
    }
    if one.gates is not None:  # the document knows none
        shown["gates"] = plain_gates(one.gates, whole=False)
    return shown
