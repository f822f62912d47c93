"""Figures of a period."""

from __future__ import annotations

from collections.abc import Collection

from lemnos.api.orchex.envelope import Json
from lemnos.api.orchex.present.agents import rounded
from lemnos.domains.agents.measures import AgentMetrics, Figures
from lemnos.kernel.clock import iso

SECTIONS = ("performance", "cost", "quality")


def system(found: AgentMetrics, period: str, sections: Collection[str]) -> Json:
    """What all agents did."""
    figures = _figures(found.total, sections)
    figures.pop("tasks")
    figures.pop("attempts", None)
    figures.pop("failures", None)
    if "cost_usd" in figures:
        figures["total_cost_usd"] = figures.pop("cost_usd")
    return {
        "period": period,
        "since": iso(found.since),
        "total_tasks": found.total.tasks,
        **figures,
        "agents": {name: _figures(one, sections) for name, one in found.agents.items()},
    }


def agent(agent_id: str, found: AgentMetrics, period: str, *, detailed: bool) -> Json:
    """What one agent did."""
    shown: Json = {
        "agent_id": agent_id,
        "period": period,
        "since": iso(found.since),
        **_figures(found.agents.get(agent_id, Figures()), SECTIONS),
    }
    if detailed:
        hours = sorted(found.hours.items())
        shown["breakdown"] = {
            "by_error": dict(found.errors),
            "by_hour": [{"hour": iso(hour), **_figures(one, SECTIONS)} for hour, one in hours],
        }
    return shown


def _figures(one: Figures, sections: Collection[str]) -> Json:
    shown: Json = {"tasks": one.tasks}
    if "performance" in sections:
        shown |= {
            "attempts": one.attempts,
            "success_rate": rounded(one.success_rate, 4),
            "avg_duration_ms": rounded(one.avg_duration_ms, 1),
            "failures": one.failures,
        }
    if "quality" in sections:
        shown |= {"avg_quality": rounded(one.quality, 1), "judgements": one.judgements}
    if "cost" in sections:
        shown |= {
            "cost_usd": round(one.cost_usd, 6),
            "input_tokens": one.input_tokens,
            "output_tokens": one.output_tokens,
        }
    return shown
