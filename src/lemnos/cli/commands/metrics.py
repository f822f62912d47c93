"""``lemnos metrics``: what agents did, measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from lemnos.cli.errors import WrongUsage
from lemnos.cli.output import cell, moment, table
from lemnos.cli.routed import money, percent
from lemnos.cli.session import Session, connected


@connected
def metrics(
    at: Session,
    period: Annotated[str, typer.Option(help="1h, 24h, 7d or 30d.")] = "24h",
    agent: Annotated[str, typer.Option(help="Only this agent, with its errors and hours.")] = "",
    kind: Annotated[str, typer.Option("--type", help="Only performance, cost or quality.")] = "",
) -> None:
    """Tasks, success, quality and cost in a period, for each agent."""
    orchex = at.client.orchex
    if agent:
        if kind:
            raise WrongUsage("--type is not for one agent: all of it is shown.")
        found = orchex.agent_metrics(agent, period=period, detailed="true")
        at.out.give(found, lambda to: _print_agent(to, found))
        return
    found = orchex.metrics(period=period, metric_type=kind)
    at.out.give(found, lambda to: _print_all(to, found))


def _print_all(to: Any, found: Mapping[str, Any]) -> None:
    facts = {
        "since": moment(found["since"]),
        "tasks": found["total_tasks"],
        "success": percent(found.get("success_rate")),
        "quality": _quality(found),
        "took": _mean(found),
        "cost": money(found.get("total_cost_usd")),
    }
    _print_facts(to, facts)
    columns = ("agent", ">tasks", ">success", ">quality", ">took", ">tokens in / out", ">cost")
    rows = [[name, *_figures(one)] for name, one in found["agents"].items()]
    if rows:
        to.print(table("", columns, rows))


def _print_agent(to: Any, found: Mapping[str, Any]) -> None:
    facts = {
        "agent": found["agent_id"],
        "since": moment(found["since"]),
        "tasks": found["tasks"],
        "success": percent(found.get("success_rate")),
        "quality": _quality(found),
        "took": _mean(found),
        "tokens": _tokens(found),
        "cost": money(found.get("cost_usd")),
    }
    _print_facts(to, facts)
    breakdown = found.get("breakdown") or {"by_error": {}, "by_hour": []}
    if breakdown["by_error"]:
        rows = sorted(breakdown["by_error"].items(), key=lambda each: -each[1])
        to.print(table("errors", ("error class", ">attempts"), rows))
    if breakdown["by_hour"]:
        hours = [[moment(one["hour"]), *_figures(one)] for one in breakdown["by_hour"]]
        columns = ("hour", ">tasks", ">success", ">quality", ">took", ">tokens in / out", ">cost")
        to.print(table("by hour", columns, hours))


def _print_facts(to: Any, facts: Mapping[str, object]) -> None:
    for name, value in facts.items():
        if value is not None:
            to.print(f"{name:<10}{cell(value)}", soft_wrap=True)


def _figures(one: Mapping[str, Any]) -> list[object]:
    return [
        one["tasks"],
        percent(one.get("success_rate")),
        _quality(one),
        _mean(one),
        _tokens(one),
        money(one.get("cost_usd")),
    ]


def _quality(one: Mapping[str, Any]) -> str | None:
    if one.get("avg_quality") is None:
        return None
    return f"{one['avg_quality']:.0f} of {one.get('judgements')}"


def _mean(one: Mapping[str, Any]) -> str | None:
    took = one.get("avg_duration_ms")
    return None if took is None else f"{took / 1000:.1f} s"


def _tokens(one: Mapping[str, Any]) -> str | None:
    if one.get("input_tokens") is None:
        return None
    return f"{one['input_tokens']:,} / {one['output_tokens']:,}"
