"""Metrics of agents over a period, from their attempts and what was judged of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lemnos.domains.agents.model import Performance


@dataclass(frozen=True, slots=True)
class Figures:
    """What attempts came to. ``tasks`` counts iterations of tasks, ``attempts`` the tries at them.

    ``failures`` are those that are an agent's; what a person cancelled, what went over its budget
    and what a crash of the server cut off are attempts, and neither completed nor failures.
    ``quality`` is from 0 to 100, None before anything was judged.
    """

    tasks: int = 0
    attempts: int = 0
    completed: int = 0
    failures: int = 0
    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    avg_duration_ms: float | None = None  # of those that completed
    avg_response_ms: float | None = None  # until the first sign of the model
    quality: float | None = None
    judgements: int = 0

    @property
    def success_rate(self) -> float | None:
        """The share of attempts that completed; None before there is any."""
        total = self.completed + self.failures
        return self.completed / total if total else None

    @property
    def error_rate(self) -> float | None:
        """The share of attempts that failed; None before there is any."""
        rate = self.success_rate
        return None if rate is None else 1.0 - rate

    @property
    def performance(self) -> Performance:
        """The same, as far as it tells how good an agent is."""
        return Performance(
            completed=self.completed,
            failures=self.failures,
            quality=self.quality,
            judgements=self.judgements,
            cost_usd=self.cost_usd,
            avg_duration_ms=self.avg_duration_ms,
        )


def mean_tokens(several: Iterable[Figures]) -> float | None:
    """Tokens of an attempt on average; None where none has used any, as tools alone do not."""
    used, attempts = 0, 0
    for figures in several:
        tokens = figures.input_tokens + figures.output_tokens
        if tokens:
            used, attempts = used + tokens, attempts + figures.attempts
    return used / attempts if attempts else None


@dataclass(frozen=True, slots=True)
class AgentMetrics:
    """Figures since a time: all together, by agent, by error class, by hour of their start."""

    since: int
    total: Figures = Figures()
    agents: Mapping[str, Figures] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    hours: Mapping[int, Figures] = field(default_factory=dict)  # start of the hour → figures
