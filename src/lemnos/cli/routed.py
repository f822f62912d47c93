"""Routed tasks and routing, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lemnos.cli.output import cell, moment, print_diff, table, visible
from lemnos.cli.repairs import print_gates

if TYPE_CHECKING:
    from rich.console import Console

Json = Mapping[str, Any]

STYLES: Mapping[str, str] = {
    "completed": "green",
    "failed": "red",
    "cancelled": "yellow",
    "awaiting_decision": "yellow",
}
_DIFF_LINES = 400
_NOT_DONE = frozenset({"failed", "cancelled", "awaiting_decision"})
_SEVERITIES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}
TASK_COLUMNS = ("id", "type", "status", "agent", ">cost", "created", "description")


def exit_code(task: Json) -> int:
    """0 for a task that did what it was asked for, or has not ended; 1 for one that did not."""
    return 1 if task["status"] in _NOT_DONE else 0


def task_row(task: Json) -> list[object]:
    """A task as a row of a table."""
    return [
        task["task_id"],
        task["type"],
        task["status"],
        task["agent_id"],
        money(task["cost_usd"]),
        moment(task["created_at"]),
        first_line(task["description"]),
    ]


def print_routed(to: Console, task: Json) -> None:
    """Who does or did a task, for how much, and how far it is."""
    facts = {
        "type": f"{task['type']}, priority {task['priority']}",
        "agent": _agent(task),
        "cost": money(task["cost_usd"]),
        "took": _seconds(task["duration_ms"]),
        "retry of": task["retry_of"],
    }
    for name, value in facts.items():
        if value:
            to.print(f"{name:<12}{cell(value)}", soft_wrap=True)
    if progress := task["progress"]:
        text = f"{progress['percentage']} %, {progress['stage']}: {progress['message']}"
        to.print(f"{'progress':<12}{visible(text)}", soft_wrap=True)
    if task["fan_out"]:
        _print_fan_out(to, task["fan_out"])


def print_result(to: Console, task: Json) -> None:
    """How a routed task ended and what came of it."""
    to.print(task["status"], style=f"bold {STYLES.get(task['status'], 'cyan')}")
    if error := task["error"]:
        to.print(visible(error["message"]), style="red", soft_wrap=True)
    if task["result"]:
        _print_content(to, task["task_id"], task["result"])
    print_gates(to, task["gates"])
    print_routed(to, task)


def _print_content(to: Console, task_id: str, result: Json) -> None:
    if result["explanation"]:
        to.print(visible(result["explanation"]), soft_wrap=True)
    for finding in result["findings"]:
        line = f":{finding['line']}" if finding["line"] else ""
        place = f"{finding['file']}{line}  " if finding["file"] else ""
        text = f"{finding['severity']:<9}{place}{finding['message']}"
        to.print(visible(text), style=_SEVERITIES.get(finding["severity"]), soft_wrap=True)
    if result["diff"]:
        to.rule("changes")
        if left_out := print_diff(to, result["diff"], _DIFF_LINES):
            to.print(f"… {left_out} more lines: lemnos tasks diff {task_id}", style="dim")
        to.rule()
    elif result["code"]:
        _print_code(to, result["code"], result["language"])
    for suggestion in result["suggestions"]:
        to.print(f"  • {visible(suggestion)}", soft_wrap=True)


def _print_code(to: Console, code: str, language: str | None) -> None:
    """In colour on a terminal; elsewhere as it is, so that it can be used."""
    if to.is_terminal:
        from rich.syntax import Syntax

        to.print(Syntax(visible(code), language or "text", word_wrap=True))
    else:
        to.print(visible(code), soft_wrap=True)


def _print_fan_out(to: Console, found: Json) -> None:
    if not found["tries"]:
        to.print(f"{'given to':<12}{', '.join(found['tasks'])}", soft_wrap=True)
        return
    rows = [
        [
            one["task_id"],
            one["agent_id"],
            "kept" if one["kept"] else one["status"],
            ", ".join(f"{name}: {outcome}" for name, outcome in one["checks"].items()),
            money(one["cost_usd"]),
            one["lines_changed"],
            one["problem"],
        ]
        for one in found["tries"]
    ]
    columns = ("task", "agent", "outcome", "checks", ">cost", ">lines", "why not")
    to.print(table("tries", columns, rows))


def print_decision(to: Console, decision: Json) -> None:
    """The candidates with the terms of their scores, and who is left out and why."""
    rows = [_candidate(one) for one in decision["candidates"]]
    columns = (
        *(">tier", "agent", ">score", ">capability", ">performance", ">availability"),
        *(">cost", ">weight", ">tries", ">estimate", "now"),
    )
    to.print(table(f"by {decision['strategy']}", columns, rows))
    if decision["left_out"]:
        rows = [[one["agent_id"], one["code"], one["reason"]] for one in decision["left_out"]]
        to.print(table("left out", ("agent", "code", "reason"), rows))
    if decision["more"]:
        to.print(f"{decision['more']} more are not listed.", style="dim")


def print_attempts(to: Console, attempts: Sequence[Json]) -> None:
    """What each agent that tried came to."""
    rows = [
        [
            f"{one['iteration']}.{one['number']}",
            one["tier"],
            one["agent_id"],
            "interrupted" if one["interrupted"] else one["verdict"] or "running",
            one["error_class"],
            _seconds(one["duration_ms"]),
            f"{one['input_tokens']:,} / {one['output_tokens']:,}",
            money(one["cost_usd"]),
            first_line(one["error"] or ""),
        ]
        for one in attempts
    ]
    columns = (
        *(">try", ">tier", "agent", "verdict", "error class", ">took"),
        *(">tokens in / out", ">cost", "error"),
    )
    to.print(table("attempts", columns, rows))


def _candidate(one: Json) -> list[object]:
    terms = one["terms"]
    return [
        one["tier"],
        one["agent_id"],
        f"{one['score']:.1f}",
        *(f"{terms[name]:.0f}" for name in ("capability", "performance", "availability", "cost")),
        f"{one['weight']:.2f}",
        one["tries"],
        money(one["estimated_cost_usd"]),
        "has room" if one["has_room"] else "busy",
    ]


def _agent(task: Json) -> str | None:
    if not task["agent_id"]:
        return None
    tries = f"{task['attempts']} tries" if task["attempts"] != 1 else "1 try"
    return (
        f"{task['agent_id']} (tier {task['tier']}, {tries})"
        if task["attempts"]
        else str(task["agent_id"])
    )


def money(usd: float | None) -> str | None:
    """US dollars to a hundredth of a cent."""
    return None if usd is None else f"${usd:.4f}"


def percent(share: float | None) -> str | None:
    """A share from 0 to 1 as people read it."""
    return None if share is None else f"{100 * share:.1f} %"


def _seconds(milliseconds: float | None) -> str | None:
    return None if milliseconds is None else f"{milliseconds / 1000:.1f} s"


def first_line(text: str, longest: int = 80) -> str:
    """The first line of a text, cut short."""
    first = text.strip().partition("\n")[0]
    return first if len(first) <= longest else f"{first[: longest - 1]}…"
