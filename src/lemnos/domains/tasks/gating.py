"""What a task asks of the gates, and how the repairs go. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class GatesAsked:
    """The gates that judge a task's work before it ends.

    ``profile`` and ``gates`` select them, as the project names them; both empty: what it
    configures, else all. ``attempts`` is how often the agent may mend what they found, 0: they
    only judge. ``budget_usd`` limits what all repairs may cost together, within the task's own
    budget. With ``required`` a task whose gates do not pass in the end has failed, its work kept;
    without, it completes and tells the verdicts.
    """

    profile: str = ""
    gates: tuple[str, ...] = ()
    attempts: int = 2
    budget_usd: float | None = None
    required: bool = True


@dataclass(frozen=True, slots=True)
class GateRecord:
    """How the gates judged an iteration. ``report`` is the last one, as ``quality.plain`` has it.

    ``repairs`` counts how often the agent was sent back, ``spent_usd`` what that has cost.
    ``stopped`` says why no further repair was tried: passed, attempts, budget, cancelled, agent
    (it failed), or unable (a gate had no verdict that an agent could do anything about).
    """

    success: bool
    repairs: int = 0
    spent_usd: float | None = None
    stopped: str = ""
    report: Mapping[str, Any] | None = None
