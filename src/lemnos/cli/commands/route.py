"""``lemnos route``: who would get a task, and why. Nothing is done."""

from __future__ import annotations

from typing import Annotated

import typer

from lemnos.cli import orders
from lemnos.cli.session import Session, connected


@connected
def route(
    at: Session,
    type: orders.Type = "code_generation",
    description: Annotated[str, typer.Option(help="What is to be done, if it is known.")] = "",
    repo: orders.Repo = "",
    agent: orders.Agent = "",
    capability: orders.Capabilities = None,
    max_cost: orders.MaxCost = None,
    max_tokens: orders.MaxTokens = None,
    prefer: orders.Preferred = None,
    exclude: orders.Excluded = None,
    strategy: orders.Strategy = "",
) -> None:
    """Who would do a task: candidates with their scores, and who is left out and why.

    Exit code 1 if nobody would.
    """
    from lemnos.cli.routed import print_decision

    decision = at.client.orchex.route(
        orders.order(
            type,
            description,
            repo=repo,
            agent=agent,
            capabilities=capability,
            max_cost=max_cost,
            max_tokens=max_tokens,
            preferred=prefer,
            excluded=exclude,
            strategy=strategy,
        )
    )
    at.out.give(decision, lambda to: print_decision(to, decision))
    if not decision["candidates"]:
        raise typer.Exit(1)
