"""Gates that judge a task's work: asked for, and what they said. The same for both APIs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from lemnos_sdk._model import model


class TaskGates(TypedDict, total=False):
    """Which gates, how often the agent may mend what they find, and what that may cost.

    ``attempts`` is 2 unless given, ``required`` is true: the task fails when they do not pass.
    ``strict``: what the repository had before the task counts, too.
    """

    profile: str
    gates: Sequence[str]
    attempts: int
    budget_usd: float
    required: bool
    strict: bool


@model
class GateSummary:
    """One gate in short."""

    name: str
    passed: bool
    verdict: str = ""
    message: str = ""


@model
class GatesSaid:
    """How the gates judged a task's work. ``weakened``: where it takes from the checks themselves.

    ``repairs``: how often the agent was sent back; ``stopped``: why not again. A list tells no
    ``report``.
    """

    success: bool
    stage: str = ""
    repairs: int = 0
    spent_usd: float | None = None
    stopped: str | None = None
    problem: str | None = None
    weakened: Sequence[str] = ()
    gates: Sequence[GateSummary] = ()
    report: Mapping[str, Any] | None = None
