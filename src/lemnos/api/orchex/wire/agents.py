"""Agent management."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from lemnos.api.kit.fields import Request, Secret, Text
from lemnos.api.orchex.wire.common import AgentId, Capability, Loose, Provider
from lemnos.domains.agents.model import Health, Status

Name = Annotated[Text, Field(min_length=1, max_length=200)]
Model = Annotated[Text, Field(max_length=200)]
Capabilities = Annotated[list[Capability], Field(max_length=100)]
Price = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
AgentStatus = Annotated[Status, Field(strict=False)]
Weight = Annotated[float, Field(ge=0.001, le=1000, allow_inf_nan=False)]


class AgentLimits(Request):
    """Limits and price of an agent; null: no limit, or not known. US dollars for 1,000 tokens."""

    max_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    max_concurrent_tasks: Annotated[int, Field(ge=1, le=1000)] = 5
    rate_limit_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    cost_per_1k_tokens: Price | None = None


class AgentRetries(Request):
    """Tries on one agent. Without ``max_retries`` the tier decides: 3, 2 and 1 tries."""

    max_retries: Annotated[int, Field(ge=0, le=10)] | None = None
    backoff_multiplier: Annotated[float, Field(ge=1, le=10, allow_inf_nan=False)] = 2.0


class AgentConfiguration(Loose):
    """How an agent is run and weighed; what else is given here is kept as it is."""

    base_weight: Weight = 1.0
    retry_policy: AgentRetries = AgentRetries()
    runtime: Annotated[Text, Field(max_length=100)] = ""
    base_url: Annotated[Text, Field(max_length=2048)] = ""
    api_key: Secret | None = None


class RegisterAgent(Request):
    """An agent to register. ``api_key`` is its own; without one the operator's is used."""

    agent_id: AgentId
    name: Name
    provider: Provider
    model: Model = ""
    capabilities: Capabilities = []
    constraints: AgentLimits = AgentLimits()
    config: AgentConfiguration = AgentConfiguration()
    api_key: Secret | None = None
    status: AgentStatus = Status.ACTIVE


class ConstraintsPatch(Request):
    """What changes of the constraints; null goes back to the default."""

    max_tokens: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    max_concurrent_tasks: Annotated[int, Field(ge=1, le=1000)] | None = None
    rate_limit_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    cost_per_1k_tokens: Price | None = None


class RetryPatch(Request):
    """What changes of the retry policy; null goes back to the default."""

    max_retries: Annotated[int, Field(ge=0, le=10)] | None = None
    backoff_multiplier: Annotated[float, Field(ge=1, le=10, allow_inf_nan=False)] | None = None


class ConfigPatch(Loose):
    """What changes of the configuration, merged deep; null goes back to the default."""

    base_weight: Weight | None = None
    retry_policy: RetryPatch | None = None
    runtime: Annotated[Text, Field(max_length=100)] | None = None
    base_url: Annotated[Text, Field(max_length=2048)] | None = None
    api_key: Annotated[Text, Field(max_length=8192)] | None = None


class UpdateAgent(Request):
    """What changes of an agent; what is left out stays. An empty ``api_key`` takes it away."""

    name: Name | None = None
    provider: Provider | None = None
    model: Model | None = None
    capabilities: Capabilities | None = None
    constraints: ConstraintsPatch | None = None
    config: ConfigPatch | None = None
    api_key: Annotated[Text, Field(max_length=8192)] | None = None
    status: AgentStatus | None = None


class AgentRegistered(BaseModel):
    """An agent that was registered, and what a first look at it says."""

    agent_id: str
    status: str
    health: Health
    registered_at: str


class AgentHealth(BaseModel):
    """What probes of the last 24 hours and attempts say; null: not known yet."""

    status: Health
    last_check: str | None
    uptime_percentage: float | None
    avg_response_time_ms: float | None
    error_rate: float | None
    samples: int
    problem: str | None


class AgentPerformance(BaseModel):
    """What the agent's work came to; ``judgements``: on how many verdicts the quality rests."""

    success_rate: float | None
    avg_quality_score: float | None
    judgements: int
    total_tasks_completed: int
    total_failures: int
    avg_cost_per_task: float | None
    total_cost_usd: float
    avg_duration_ms: float | None


class AgentConstraints(BaseModel):
    """Limits and price of an agent."""

    max_tokens: int | None
    max_concurrent_tasks: int
    rate_limit_per_minute: int | None
    cost_per_1k_tokens: float | None


class AgentBreaker(BaseModel):
    """The agent's circuit breaker."""

    state: str
    failures: int
    opened_at: str | None


class AgentSummary(BaseModel):
    """An agent in a list."""

    agent_id: str
    name: str
    provider: str
    model: str
    capabilities: list[str]
    status: Status
    health: AgentHealth
    performance: AgentPerformance
    registered_at: str
    last_seen: str | None


class AgentDetails(AgentSummary):
    """An agent as a whole, without its key."""

    constraints: AgentConstraints
    config: dict[str, Any]
    has_api_key: bool
    breaker: AgentBreaker
    updated_at: str


class AgentPage(BaseModel):
    """A page of agents."""

    agents: list[AgentSummary]
    total: int
    limit: int
    offset: int
