"""``lemnos agents``: the registry of agents that tasks are routed to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from lemnos.cli.errors import WrongUsage
from lemnos.cli.orders import filled
from lemnos.cli.output import cell, moment, table
from lemnos.cli.routed import money, percent
from lemnos.cli.session import Session, connected

app = typer.Typer(no_args_is_help=True, help="Agents that tasks are routed to.")

AgentId = Annotated[str, typer.Argument(metavar="AGENT", help="The agent's id.")]
Name = Annotated[str, typer.Option(help="A name for people. [the id]", show_default=False)]
Provider = Annotated[str, typer.Option(help="anthropic, openai, lemnos (built in), …")]
Model = Annotated[str, typer.Option(help="The provider's name of the model.")]
Capabilities = Annotated[
    list[str] | None,
    typer.Option("--capability", help="A type of task that it can do; may be repeated."),
]
MaxTokens = Annotated[int | None, typer.Option(min=1, help="Tokens that it can take.")]
MaxConcurrent = Annotated[int | None, typer.Option(min=1, help="Tasks at once.")]
RateLimit = Annotated[int | None, typer.Option(min=1, help="Tasks that may begin in a minute.")]
Cost = Annotated[float | None, typer.Option("--cost-per-1k", min=0, help="US dollars.")]
Weight = Annotated[float | None, typer.Option(min=0, help="Its share in weighted routing.")]
Retries = Annotated[int | None, typer.Option(min=0, help="Further tries after a failure.")]
Backoff = Annotated[float | None, typer.Option(min=1, help="What pauses are multiplied by.")]
Runtime = Annotated[
    str, typer.Option(help="claude-code, codex, acp:<name> or builtin; else by the provider.")
]
BaseUrl = Annotated[str, typer.Option(help="A model endpoint of its own.")]
KeyVariable = Annotated[
    str, typer.Option("--key-env", metavar="VARIABLE", help="Variable with its own model key.")
]
Status = Annotated[str, typer.Option(help="active, inactive, maintenance or deprecated.")]
_STYLES = {"healthy": "green", "degraded": "yellow", "unhealthy": "red", "offline": "red"}


@app.command("list")
@connected
def list_agents(
    at: Session,
    provider: Annotated[str, typer.Option(help="Only those of this provider.")] = "",
    capability: Annotated[str, typer.Option(help="Only those that can do this.")] = "",
    status: Annotated[str, typer.Option(help="Only those in this state.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 50,
    offset: Annotated[int, typer.Option(min=0, help="After so many.")] = 0,
) -> None:
    """Agents with their health, quality and success over the last day."""
    page = at.client.orchex.agents(
        provider=provider, capability=capability, status=status, limit=limit, offset=offset
    )
    columns = (
        *("agent", "provider", "model", "status", "health", ">success", ">quality"),
        *(">done", "capabilities"),
    )

    def human(to: Any) -> None:
        to.print(table("", columns, map(_row, page["agents"])))
        _print_more(to, page)

    at.out.give(page, human)


@app.command("show")
@connected
def show(at: Session, agent_id: AgentId) -> None:
    """One agent: limits, configuration, health, breaker, and what its work came to."""
    agent = at.client.orchex.agent(agent_id)
    at.out.give(agent, lambda to: _print_agent(to, agent))


@app.command("register")
@connected
def register(
    at: Session,
    agent_id: AgentId,
    provider: Provider,
    name: Name = "",
    model: Model = "",
    capabilities: Capabilities = None,
    max_tokens: MaxTokens = None,
    max_concurrent: MaxConcurrent = None,
    rate_limit: RateLimit = None,
    cost: Cost = None,
    weight: Weight = None,
    retries: Retries = None,
    backoff: Backoff = None,
    runtime: Runtime = "",
    base_url: BaseUrl = "",
    key_env: KeyVariable = "",
    status: Status = "",
) -> None:
    """Register an agent. A first look at it tells whether it can work here."""
    body = filled(
        agent_id=agent_id,
        name=name or agent_id,
        provider=provider,
        model=model,
        capabilities=capabilities,
        constraints=_constraints(max_tokens, max_concurrent, rate_limit, cost),
        config=_config(weight, retries, backoff, runtime, base_url),
        api_key=_key(key_env),
        status=status,
    )
    made = at.client.orchex.register_agent(body)
    text = f"{made['agent_id']} is {made['status']}; its health: {made['health']}"
    at.out.give(made, lambda to: to.print(cell(text), soft_wrap=True))


@app.command("update")
@connected
def update(
    at: Session,
    agent_id: AgentId,
    name: Name = "",
    provider: Provider = "",
    model: Model = "",
    capabilities: Capabilities = None,
    max_tokens: MaxTokens = None,
    max_concurrent: MaxConcurrent = None,
    rate_limit: RateLimit = None,
    cost: Cost = None,
    weight: Weight = None,
    retries: Retries = None,
    backoff: Backoff = None,
    runtime: Runtime = "",
    base_url: BaseUrl = "",
    key_env: KeyVariable = "",
    status: Status = "",
) -> None:
    """Change what is named and nothing else."""
    body = filled(
        name=name,
        provider=provider,
        model=model,
        capabilities=capabilities,
        constraints=_constraints(max_tokens, max_concurrent, rate_limit, cost),
        config=_config(weight, retries, backoff, runtime, base_url),
        api_key=_key(key_env),
        status=status,
    )
    if not body:
        raise WrongUsage("Nothing was named that should change.")
    agent = at.client.orchex.update_agent(agent_id, body)
    at.out.give(agent, lambda to: to.print(f"{cell(agent_id)} is changed."))


@app.command("remove")
@connected
def remove(
    at: Session,
    agent_id: AgentId,
    force: Annotated[bool, typer.Option("--force", help="Also while it works.")] = False,
) -> None:
    """Remove an agent. What it has done stays in the tasks that it did."""
    at.client.orchex.remove_agent(agent_id, force=force)
    said = {"agent_id": agent_id, "removed": True}
    at.out.give(said, lambda to: to.print(f"{cell(agent_id)} is removed."))


@app.command("health")
@connected
def health(
    at: Session,
    agent_id: Annotated[str, typer.Argument(metavar="[AGENT]", help="Only this one.")] = "",
) -> None:
    """What probes and work say of agents; exit code 1 if the one that was named is not well."""
    orchex = at.client.orchex
    agents = [orchex.agent(agent_id)] if agent_id else orchex.agents(limit=100)["agents"]
    found = [{"agent_id": one["agent_id"], **one["health"]} for one in agents]
    columns = ("agent", "health", "last check", ">uptime", ">answers in", ">errors", "problem")
    rows = [_health_row(one) for one in found]
    at.out.give({"agents": found}, lambda to: to.print(table("", columns, rows)))
    if agent_id and found[0]["status"] != "healthy":
        raise typer.Exit(1)


def _constraints(
    max_tokens: int | None, max_concurrent: int | None, rate_limit: int | None, cost: float | None
) -> dict[str, Any]:
    return filled(
        max_tokens=max_tokens,
        max_concurrent_tasks=max_concurrent,
        rate_limit_per_minute=rate_limit,
        cost_per_1k_tokens=cost,
    )


def _config(
    weight: float | None,
    retries: int | None,
    backoff: float | None,
    runtime: str,
    base_url: str,
) -> dict[str, Any]:
    policy = filled(max_retries=retries, backoff_multiplier=backoff)
    return filled(base_weight=weight, retry_policy=policy, runtime=runtime, base_url=base_url)


def _key(variable: str) -> str:
    from lemnos.cli.secret_input import from_variable

    return from_variable(variable) if variable else ""


def _row(agent: Mapping[str, Any]) -> list[object]:
    performance = agent["performance"]
    return [
        agent["agent_id"],
        agent["provider"],
        agent["model"],
        agent["status"],
        agent["health"]["status"],
        percent(performance["success_rate"]),
        _quality(performance),
        performance["total_tasks_completed"],
        ", ".join(agent["capabilities"]),
    ]


def _health_row(one: Mapping[str, Any]) -> list[object]:
    uptime, response = one["uptime_percentage"], one["avg_response_time_ms"]
    return [
        one["agent_id"],
        one["status"],
        moment(one["last_check"]),
        None if uptime is None else f"{uptime:.1f} %",
        None if response is None else f"{response:.0f} ms",
        percent(one["error_rate"]),
        one["problem"],
    ]


def _print_agent(to: Any, agent: Mapping[str, Any]) -> None:
    health, work = agent["health"], agent["performance"]
    to.print(cell(agent["name"]), style="bold")
    to.print(health["status"], style=_STYLES.get(health["status"]))
    retries = agent["config"].get("retry_policy")
    facts = {
        "id": agent["agent_id"],
        "provider": f"{agent['provider']} {agent['model']}".strip(),
        "status": agent["status"],
        "can do": ", ".join(agent["capabilities"]),
        "limits": _pairs(agent["constraints"]),
        "config": _pairs({**agent["config"], "retry_policy": _pairs(retries or {})}),
        "own key": "yes" if agent["has_api_key"] else "no",
        "breaker": f"{agent['breaker']['state']}, {agent['breaker']['failures']} failures",
        "problem": health["problem"],
        "success": percent(work["success_rate"]),
        "quality": _quality(work),
        "done": f"{work['total_tasks_completed']}, {work['total_failures']} failed",
        "a task": money(work["avg_cost_per_task"]),
        "registered": moment(agent["registered_at"]),
        "last seen": moment(agent["last_seen"]),
    }
    for name, value in facts.items():
        if value:
            to.print(f"{name:<12}{cell(value)}", soft_wrap=True)


def _quality(work: Mapping[str, Any]) -> str | None:
    """The score, and on how many verdicts it rests."""
    if work["avg_quality_score"] is None:
        return None
    return f"{work['avg_quality_score']:.0f} of {work['judgements']}"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if value not in (None, ""))


def _print_more(to: Any, page: Mapping[str, Any]) -> None:
    shown = page["offset"] + len(page["agents"])
    if shown < page["total"]:
        to.print(f"{shown} of {page['total']}; more: --offset {shown}", style="dim")
