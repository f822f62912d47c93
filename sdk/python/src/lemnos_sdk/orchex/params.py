"""What requests take where they nest; every field may be left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypedDict


class RetryPolicy(TypedDict, total=False):
    """Tries on one agent."""

    max_retries: int
    backoff_multiplier: float


class AgentConstraints(TypedDict, total=False):
    """Limits and price of an agent."""

    max_tokens: int
    max_concurrent_tasks: int
    rate_limit_per_minute: int
    cost_per_1k_tokens: float


class KnownConfig(TypedDict, total=False):
    """How an agent is run and weighed; ``runtime`` and ``base_url`` override its provider's."""

    base_weight: float
    retry_policy: RetryPolicy
    runtime: str
    base_url: str


class KnownContext(TypedDict, total=False):
    """What the work is about.

    ``repository`` is worked on when it is a URL or an absolute path, else it only describes;
    ``repository_url`` and ``repository_path`` say so plainly. Without one the work begins in an
    empty workspace. ``provider_key`` names a registered credential for it.
    """

    repository: str
    repository_url: str
    repository_path: str
    branch: str
    provider_key: str
    files: Sequence[str]
    language: str
    framework: str


class Requirements(TypedDict, total=False):
    """What an agent must be able to do, and within what."""

    required_capabilities: Sequence[str]
    max_tokens: int
    timeout_seconds: int
    priority: str


class TaskConstraints(TypedDict, total=False):
    """What the work may cost, and who may do it."""

    max_cost_usd: float
    preferred_providers: Sequence[str]
    excluded_agents: Sequence[str]


class FanOut(TypedDict, total=False):
    """Several agents at once, and what picks among their results."""

    agents: Sequence[str]
    pick: str


class AnalysisOptions(TypedDict, total=False):
    """What to look at; patterns are globs."""

    include_metrics: bool
    identify_opportunities: bool
    max_opportunities: int
    include_patterns: Sequence[str]
    exclude_patterns: Sequence[str]


class PullRequestOptions(TypedDict, total=False):
    """What a pull request says."""

    title: str
    body: str
    branch: str


# What else is given in these is kept as it is.
AgentConfig: TypeAlias = KnownConfig | Mapping[str, Any]
Context: TypeAlias = KnownContext | Mapping[str, Any]
Metadata: TypeAlias = Mapping[str, Any]
