"""The callback of a finished task, as the CodeForge document has it."""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from lemnos.domains.tasks.gating import plain_gates
from lemnos.domains.tasks.model import Changes, Status, Task, Usage
from lemnos.kernel import clock
from lemnos.platform.webhooks import NewDelivery

_TOLD = {Status.COMPLETED: "completed", Status.FAILED: "failed", Status.PAUSED: "failed"}


def signature(body: bytes, secret: bytes) -> str:
    """``sha256=<hex>``: HMAC-SHA256 of the body, the value of ``X-Signature-256``."""
    return f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}"


def callback(task: Task, secret: bytes) -> NewDelivery | None:
    """The delivery that tells of a task's end; None when nobody asked or there is none to tell."""
    status = _TOLD.get(task.status)
    if not task.callback_url or status is None:
        return None
    usage = task.usage or Usage()
    content: dict[str, object] = {
        "task_id": task.id,
        "status": status,
        "result": task.result,
        "changes_summary": msgspec.to_builtins(task.changes or Changes()),
        "usage": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "duration_seconds": round(usage.duration_seconds, 3),
        },
        "trace_id": task.trace_id,
        "finished_at": clock.iso_or_none(task.finished_at),
        "iteration": task.iteration,
    }
    if task.gates is not None:
        content["gates"] = plain_gates(task.gates, whole=False)
    if task.error:
        content["error"] = task.error
    body = msgspec.json.encode(content)
    event = f"task.{status}"
    headers = {
        "Content-Type": "application/json",
        "X-CodeForge-Event": event,
        "X-Signature-256": signature(body, secret),
        "X-Trace-ID": task.trace_id,
    }
    return NewDelivery(
        task.tenant, f"task:{task.id}", task.callback_url, event, body, secret, headers
    )
