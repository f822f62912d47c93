"""A task and its outcome, for people; and what they mean for the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lemnos.cli.output import cell, visible
from lemnos.cli.repairs import print_gates
from lemnos.cli.shapes import Changes, Iteration, Task, Usage

if TYPE_CHECKING:
    from rich.console import Console

STYLES: Mapping[str, str] = {
    "completed": "green",
    "pr_created": "green",
    "failed": "red",
    "cancelled": "yellow",
}
_FAILED = frozenset({"failed", "cancelled"})


def exit_code(task: Task) -> int:
    """0 for a task that did what it was asked for, or has not ended; 1 for one that failed."""
    return 1 if task["status"] in _FAILED else 0


def print_task(to: Console, task: Task) -> None:
    """All of a task, as ``lemnos tasks show`` has it."""
    print_outcome(to, task)
    facts = {
        "id": task["id"],
        "repository": task["repo_url"],
        "prompt": _first_line(task["prompt"]),
        "agent": f"{task['cli']} ({task['cli_reason']})" if task["cli"] else None,
        "created": task["created_at"],
        "finished": task["finished_at"],
    }
    for name, value in facts.items():
        to.print(f"{name:<12}{cell(value)}", soft_wrap=True)
    for one in task.get("iterations", ()):
        _print_iteration(to, one)


def print_outcome(to: Console, task: Task) -> None:
    """How a task ended or how it stands, what it changed, and what it cost."""
    status = "paused: over its budget, the work is kept" if task["paused"] else task["status"]
    to.print(status, style=f"bold {STYLES.get(task['status'], 'cyan')}")
    result, error = (task["result"] or "").strip(), (task["error"] or "").strip()
    if result and result not in error:  # an agent's last words are often why it failed
        to.print(visible(result), soft_wrap=True)
    if error:
        to.print(visible(error), style="red", soft_wrap=True)
    print_gates(to, task["gates"])
    if line := ", ".join(part for part in (_changes(task), _used(task["usage"])) if part):
        to.print(line, style="dim", soft_wrap=True)
    if task["pr_url"]:
        to.print(f"Pull request: {visible(task['pr_url'])} ({task['branch']})", soft_wrap=True)


def changed_something(changes: Changes | None) -> bool:
    """Whether there is anything to propose."""
    return changes is not None and changes["files_changed"] > 0


def _changes(task: Task) -> str:
    changes = task["changes_summary"]
    if changes is None:
        return ""
    files = "1 file" if changes["files_changed"] == 1 else f"{changes['files_changed']} files"
    return f"{files} changed (+{changes['insertions']} −{changes['deletions']})"


def _used(usage: Usage | None) -> str:
    if usage is None:
        return ""
    tokens = usage["input_tokens"] + usage["output_tokens"]
    parts = [f"{usage['duration_seconds']:.1f} s"]
    if tokens:
        parts.append(f"{usage['input_tokens']:,} tokens in, {usage['output_tokens']:,} out")
    if usage["cost_usd"] is not None:
        parts.append(f"${usage['cost_usd']:.4f}")
    elif not tokens:
        parts.append("no model used")
    return ", ".join(parts)


def _print_iteration(to: Console, one: Iteration) -> None:
    to.print(f"\n#{one['number']}  {_first_line(one['prompt'])}", style="bold", soft_wrap=True)
    to.print(f"    {one['status']}", style=STYLES.get(one["status"], "cyan"))
    said = one["error"] or one["result"]
    if said:
        to.print(f"    {_first_line(said)}", soft_wrap=True)
    if used := _used(one["usage"]):
        to.print(f"    {used}", style="dim")


def _first_line(text: str, longest: int = 100) -> str:
    first = visible(text.strip().partition("\n")[0])
    return first if len(first) <= longest else f"{first[: longest - 1]}…"
