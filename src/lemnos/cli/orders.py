"""What ``lemnos tasks submit`` and ``lemnos route`` have in common: work for whoever fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from lemnos.cli.errors import WrongUsage
from lemnos.cli.repository import repository

Type = Annotated[
    str,
    typer.Option(
        "--type",
        help="code_generation, code_review, debugging, refactoring, documentation, testing, "
        "architecture or security_analysis.",
    ),
]
Agent = Annotated[str, typer.Option(help="This agent and no other.")]
Capabilities = Annotated[
    list[str] | None,
    typer.Option("--capability", help="What the agent must be able to do; may be repeated."),
]
MaxCost = Annotated[float | None, typer.Option(min=0, help="US dollars, over all tries.")]
MaxTokens = Annotated[int | None, typer.Option(min=1, help="Tokens of the answer.")]
Preferred = Annotated[
    list[str] | None, typer.Option("--prefer", help="A provider to prefer; may be repeated.")
]
Excluded = Annotated[
    list[str] | None, typer.Option("--exclude", help="An agent to leave out; may be repeated.")
]
Strategy = Annotated[str, typer.Option(help="best_score, least_loaded or weighted.")]
Repo = Annotated[str, typer.Option(help="A URL, or a folder on this machine; else an empty one.")]
Branch = Annotated[str, typer.Option(help="Branch to start from.")]


def order(
    type: str,
    description: str = "",
    *,
    repo: str = "",
    branch: str = "",
    agent: str = "",
    capabilities: Sequence[str] | None = None,
    max_cost: float | None = None,
    max_tokens: int | None = None,
    timeout: int | None = None,
    priority: str = "",
    preferred: Sequence[str] | None = None,
    excluded: Sequence[str] | None = None,
    strategy: str = "",
    context: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of ``POST /v1/tasks`` and ``POST /v1/route``, without what was left out."""
    return filled(
        type=type,
        description=description,
        agent_id=agent,
        strategy=strategy,
        context={**_place(repo, branch), **(context or {})},
        requirements=filled(
            required_capabilities=list(capabilities or ()),
            max_tokens=max_tokens,
            timeout_seconds=timeout,
            priority=priority,
        ),
        constraints=filled(
            max_cost_usd=max_cost,
            preferred_providers=list(preferred or ()),
            excluded_agents=list(excluded or ()),
        ),
    )


def filled(**fields: Any) -> dict[str, Any]:
    """The fields that hold something; zero and false do."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def fan_out(agents: str) -> dict[str, Any]:
    """``a,b,c`` as the agents that do the same work at once."""
    names = [name.strip() for name in agents.split(",") if name.strip()]
    if agents and len(names) < 2:
        raise WrongUsage("--fan-out takes two agents or more, with commas between them.")
    return {"agents": names, "pick": "gates"} if names else {}


def _place(repo: str, branch: str) -> dict[str, str]:
    if not repo:
        return {}
    found = repository(repo)
    name = "repository_path" if found.folder else "repository_url"
    return filled(**{name: found.url, "branch": branch})
