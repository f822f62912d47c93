"""Orders: what a caller asks of a task that is routed to agents of the registry. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lemnos.domains.agents.model import Strategy


class TaskType(StrEnum):
    """What kind of work a task is; a task that nobody typed is code generation."""

    CODE_GENERATION = "code_generation"
    CODE_REVIEW = "code_review"
    DEBUGGING = "debugging"
    REFACTORING = "refactoring"
    DOCUMENTATION = "documentation"
    TESTING = "testing"
    ARCHITECTURE = "architecture"
    SECURITY_ANALYSIS = "security_analysis"


class Priority(StrEnum):
    """How urgent a task is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The engine's number for it: a level is worth half an hour of waiting, so none starves."""
        return _RANKS[self]


_RANKS = {Priority.CRITICAL: 40, Priority.HIGH: 70, Priority.MEDIUM: 100, Priority.LOW: 130}


@dataclass(frozen=True, slots=True)
class FanOut:
    """One task for several agents at once; ``pick`` names what chooses among their results."""

    agents: tuple[str, ...]
    pick: str = "gates"


@dataclass(frozen=True, slots=True)
class Order:
    """A routed task as it is asked for.

    ``context`` is what the caller says of the work: ``files``, ``language``, ``framework``, and
    a ``repository``. ``agent_id`` pins it to one agent. ``max_tokens`` limits the answer,
    ``max_cost_usd`` all tries together. ``refactoring`` is an operation for the built-in agent.
    """

    type: TaskType
    description: str
    repo_url: str = ""  # empty: the task works in an empty workspace
    branch: str = ""
    provider_key: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    required_capabilities: tuple[str, ...] = ()
    max_tokens: int | None = None
    timeout_seconds: int = 300
    priority: Priority = Priority.MEDIUM
    max_cost_usd: float | None = None
    preferred_providers: tuple[str, ...] = ()
    excluded_agents: tuple[str, ...] = ()
    strategy: Strategy | None = None
    agent_id: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    fan_out: FanOut | None = None
    retry_of: str = ""
    parent_id: str = ""  # the fan-out task that it is one of
    operation: Mapping[str, Any] = field(default_factory=dict)  # for the built-in agent
