"""Requests for work as the domain takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lemnos.api.kit import gates
from lemnos.api.orchex.wire import tasks as wire
from lemnos.domains.agents.model import Ask
from lemnos.domains.tasks.model import PullRequestAsked
from lemnos.domains.tasks.routing.model import FanOut, Order

# Where a request has the fields of an order.
FIELDS = {
    "repo_url": "context.repository",
    "provider_key": "context.provider_key",
    **{
        name: f"requirements.{name}"
        for name in ("required_capabilities", "max_tokens", "timeout_seconds")
    },
    **{
        name: f"constraints.{name}"
        for name in ("max_cost_usd", "preferred_providers", "excluded_agents")
    },
}
# What names the repository and the way to it; the agent gets a checkout instead.
_OURS = frozenset({"repository_url", "repository_path", "branch", "provider_key"})


def order(body: wire.SubmitTask) -> Order:
    """The order that a submitted task is."""
    needs, limits = body.requirements, body.constraints
    repo_url = _repository(body.context)
    return Order(
        type=body.type,
        description=body.description,
        repo_url=repo_url,
        branch=body.context.branch,
        provider_key=body.context.provider_key,
        context=_described(body.context, repo_url),
        required_capabilities=_once_each(needs.required_capabilities),
        max_tokens=needs.max_tokens,
        timeout_seconds=needs.timeout_seconds,
        priority=needs.priority,
        max_cost_usd=limits.max_cost_usd,
        preferred_providers=_once_each(limits.preferred_providers),
        excluded_agents=_once_each(limits.excluded_agents),
        strategy=body.strategy,
        agent_id=body.agent_id or "",
        metadata=body.metadata.model_dump(exclude_unset=True),
        gates=gates.asked(body.gates),
        fan_out=None if body.fan_out is None else _fan_out(body.fan_out),
    )


def ask(body: wire.RouteTask) -> Ask:
    """What work needs of an agent, for a decision that is not carried out."""
    needs, limits = body.requirements, body.constraints
    return Ask(
        type=body.type.value,
        required_capabilities=_once_each(needs.required_capabilities),
        preferred_providers=_once_each(limits.preferred_providers),
        excluded_agents=_once_each(limits.excluded_agents),
        agent_id=body.agent_id or "",
        max_tokens=needs.max_tokens,
        max_cost_usd=limits.max_cost_usd,
        strategy=body.strategy,
    )


def pull_request(body: wire.ProposeChanges) -> PullRequestAsked:
    """What a caller wants in a pull request."""
    return PullRequestAsked(body.title, body.body, body.target_branch)


def names_repository(word: str) -> bool:
    """Whether a word is the address of a repository, and not just its name."""
    return word.startswith(("http://", "https://", "/"))


def _repository(context: wire.TaskContext) -> str:
    if context.repository_url or context.repository_path:
        return context.repository_url or context.repository_path
    return context.repository if names_repository(context.repository) else ""


def _described(context: wire.TaskContext, repo_url: str) -> dict[str, Any]:
    """What the caller says of the work, for the agent to read."""
    said = context.model_dump(exclude_unset=True, exclude=set(_OURS))
    if repo_url and said.get("repository") == repo_url:
        del said["repository"]
    return said


def _fan_out(asked: wire.FanOut) -> FanOut:
    return FanOut(_once_each(asked.agents), asked.pick)


def _once_each(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
