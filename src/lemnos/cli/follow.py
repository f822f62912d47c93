"""Shows the events of a task as they come: a line or two each, for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lemnos.cli.output import visible
from lemnos.cli.shapes import StreamEvent

if TYPE_CHECKING:
    from rich.console import Console

Detail = Mapping[str, Any]
# Where the server keeps a checkout says nothing to people.
_CHECKOUT = re.compile(r"/[^\s:'\"]*/workspaces/[0-9a-f-]{36}/checkout/?")
_WIDTH = 160  # characters of a line of tool output
_LINES = {"thinking": 2, "text": 40, "tool_result": 3, "error": 6}


class Progress:
    """Prints events. ``everything``: also what is only of interest when something went wrong."""

    def __init__(self, to: Console, everything: bool = False) -> None:
        self._to = to
        self._everything = everything

    def show(self, event: StreamEvent) -> None:
        """Print one event, if it says anything to people."""
        if event["type"] == "stream":
            self._agent(event["detail"])
        elif event["type"] == "cli":
            self._process(event)
        elif (told := _TOLD.get(event["event"])) is not None:
            self._to.print(visible(told(event["data"])), soft_wrap=True)

    def _agent(self, detail: Detail) -> None:
        kind = str(detail.get("kind", ""))
        if kind == "thinking":
            self._block(detail.get("text"), "  … ", "dim italic", kind)
        elif kind == "text":
            self._block(detail.get("text"), "  ", "", kind)
        elif kind == "tool_use":
            call = _short(detail.get("input"))
            self._line(f"  → {detail.get('tool', 'tool')}  {call}", "cyan")
        elif kind == "tool_result":
            style = "red" if detail.get("is_error") else "dim"
            self._block(detail.get("text"), "    ", style, kind)
        elif kind == "file_change":
            self._line(f"  ± {detail.get('path')}  {detail.get('change', '')}", "green")
        elif kind == "error":
            self._block(detail.get("text"), "  ! ", "red", kind)

    def _process(self, event: StreamEvent) -> None:
        if not self._everything:
            return
        detail = event["detail"]
        said = {name: value for name, value in detail.items() if name != "kind"}
        self._line(f"  [{event['event']}] {_short(said)}", "dim")

    def _block(self, text: object, indent: str, style: str, kind: str) -> None:
        lines = [line for line in str(text or "").strip().splitlines() if line.strip()]
        most = len(lines) if self._everything else _LINES[kind]
        for line in lines[:most]:
            self._line(f"{indent}{line}", style)
        if len(lines) > most:
            self._line(f"{indent}… {len(lines) - most} more lines", "dim")

    def _line(self, text: str, style: str) -> None:
        text = _CHECKOUT.sub("", text)
        cut = text if self._everything or len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
        self._to.print(visible(cut).rstrip(), style=style or None, soft_wrap=True)


def from_iteration(events: Iterable[StreamEvent], number: int) -> Iterable[StreamEvent]:
    """Only what belongs to a follow-up: a stream begins with all that was before."""
    begun = number <= 1
    for event in events:
        if event["event"] == "task_instructed" and event["data"].get("iteration") == number:
            begun = True
        if begun or event["name"] == "done":
            yield event


def _short(value: object) -> str:
    """The input of a tool on one line: the one argument that says most, else all of them."""
    if isinstance(value, Mapping):
        for name in ("command", "cmd", "file_path", "path", "pattern", "query", "url"):
            if isinstance(value.get(name), str):
                return " ".join(value[name].split())
        return "  ".join(f"{name}={_short(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "; ".join(map(_short, value))
    return " ".join(str(value or "").split())


def _cloned(data: Detail) -> str:
    commit, seconds = str(data.get("commit", ""))[:10], data.get("duration_seconds")
    return f"  {data.get('branch') or 'HEAD'} at {commit}, {seconds} s"


def _pull_request(data: Detail) -> str:
    return f"● Pull request: {data.get('pr_url')} (branch {data.get('branch')})"


def _gate(data: Detail) -> str:
    mark = "✓" if data.get("passed") else "✗"
    return f"  {mark} {data.get('gate')}: {data.get('message')}"


def _judged(data: Detail) -> str:
    if data.get("success"):
        return "● The gates pass"
    failing = ", ".join(data.get("failing") or ()) or data.get("problem") or "none has judged"
    return f"● The gates do not pass: {failing}"


def _repair(data: Detail) -> str:
    gates = ", ".join(data.get("gates") or ())
    return f"● Sent back to mend {gates} ({data.get('repair')} of {data.get('attempts')})"


_TOLD: Mapping[str, Callable[[Detail], str]] = {
    "clone_started": lambda data: f"● Cloning {data.get('repo_url')}",
    "clone_completed": _cloned,
    "cli_started": lambda data: f"● Agent: {data.get('cli')}. {data.get('reason')}",
    "cancel_requested": lambda data: f"● Cancel requested by {data.get('by')}",
    "task_instructed": lambda data: f"● Follow-up {data.get('iteration')}",
    "gates_started": lambda _: "● The gates judge the work",
    "gate_finished": _gate,
    "gates_finished": _judged,
    "repair_started": _repair,
    "push": lambda data: f"● Pushed {data.get('branch')} at {str(data.get('commit'))[:10]}",
    "pr_started": lambda _: "● Making a pull request",
    "pr_created": _pull_request,
    "pr_failed": lambda data: f"● No pull request: {data.get('message')}",
}
