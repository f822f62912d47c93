"""``lemnos tasks``, for those that go to whichever agent fits."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lemnos.cli import orders
from lemnos.cli.commands.tasks import TaskId, full_id, read_prompt
from lemnos.cli.errors import Interrupted
from lemnos.cli.output import console, visible
from lemnos.cli.repairs import Gates, Profile, RepairBudget, Repairs, Strict, gates_asked
from lemnos.cli.session import Session, connected

app = typer.Typer()

Priority = Annotated[str, typer.Option(help="low, medium, high or critical.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Watch it until it is at rest.")]


@app.command("submit")
@connected
def submit(
    at: Session,
    description: Annotated[str, typer.Option(help="What to do; - reads it from stdin.")],
    type: orders.Type = "code_generation",
    repo: orders.Repo = "",
    branch: orders.Branch = "",
    agent: orders.Agent = "",
    capability: orders.Capabilities = None,
    max_cost: orders.MaxCost = None,
    max_tokens: orders.MaxTokens = None,
    prefer: orders.Preferred = None,
    exclude: orders.Excluded = None,
    strategy: orders.Strategy = "",
    priority: Priority = "",
    timeout: Annotated[int | None, typer.Option(min=1, help="Seconds. [300]")] = None,
    fan_out: Annotated[
        str, typer.Option(metavar="AGENT,AGENT,…", help="Give it to all of these, keep the best.")
    ] = "",
    language: Annotated[str, typer.Option(help="The language to write in.")] = "",
    file: Annotated[
        list[str] | None, typer.Option(help="A file that it is about; may be repeated.")
    ] = None,
    git_key: Annotated[str, typer.Option(help="A key of `lemnos git-keys`.")] = "",
    gates: Gates = False,
    profile: Profile = "",
    repairs: Repairs = None,
    repair_budget: RepairBudget = None,
    strict: Strict = False,
    wait: Wait = False,
) -> None:
    """Give a task to the agent that fits it best, with others to fall back on.

    With --wait the exit code tells how it ended.
    """
    body = orders.order(
        type,
        read_prompt(description),
        repo=repo,
        branch=branch,
        agent=agent,
        capabilities=capability,
        max_cost=max_cost,
        max_tokens=max_tokens,
        timeout=timeout,
        priority=priority,
        preferred=prefer,
        excluded=exclude,
        strategy=strategy,
        context=orders.filled(language=language, files=file, provider_key=git_key),
    )
    body |= orders.filled(fan_out=orders.fan_out(fan_out))
    body |= gates_asked(gates, profile, repairs, repair_budget, strict)
    accepted = at.client.orchex.submit(body)
    if wait:
        _follow(at, accepted["task_id"])
    else:
        at.out.give(accepted, lambda to: to.print(_accepted(accepted), soft_wrap=True))


@app.command("routing")
@connected
def routing(at: Session, task_id: TaskId) -> None:
    """Why a task went where it went: candidates, who was left out, each attempt."""
    from lemnos.cli.routed import print_attempts, print_decision

    found = at.client.orchex.routing(full_id(at, task_id))

    def human(to: Any) -> None:
        if found["decision"]:
            print_decision(to, found["decision"])
        if found["attempts"]:
            print_attempts(to, found["attempts"])
        if not found["decision"] and not found["attempts"]:
            to.print("It has not been routed yet.")

    at.out.give(found, human)


@app.command("retry")
@connected
def retry(
    at: Session,
    task_id: TaskId,
    agent: orders.Agent = "",
    priority: Priority = "",
    wait: Wait = False,
) -> None:
    """Do a task again, as a new one."""
    body = orders.filled(agent_id=agent, priority=priority)
    made = at.client.orchex.retry(full_id(at, task_id), body)
    if wait:
        _follow(at, made["retry_task_id"])
        return
    text = f"{made['retry_task_id']} is {made['status']}."
    at.out.give(made, lambda to: to.print(text, soft_wrap=True))


@app.command("feedback")
@connected
def feedback(
    at: Session,
    task_id: TaskId,
    verdict: Annotated[str, typer.Argument(help="approved, rejected or reverted.")],
    comment: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Say what the outcome is worth: it counts for the quality of the agent that did it."""
    body = orders.filled(verdict=verdict, comment=comment)
    said = at.client.orchex.feedback(full_id(at, task_id), body)
    text = f"Noted: {said['verdict']}, for {said['agent_id'] or 'no agent of the registry'}."
    at.out.give(said, lambda to: to.print(visible(text), soft_wrap=True))


def _accepted(task: dict[str, Any]) -> str:
    name, position = task["task_id"], task["queue_position"]
    ahead = f", {position} before it" if position else ""
    return f"{name} is {task['status']}{ahead}. See `lemnos tasks watch {name}`."


def _follow(at: Session, task_id: str) -> None:
    """Show what happens until the task is at rest, then what came of it; Ctrl-C leaves it be."""
    from lemnos.cli.follow import Progress
    from lemnos.cli.routed import exit_code, print_result

    at.out.note(f"Task {task_id}")
    progress = Progress(console())
    try:
        for event in at.client.orchex.events(task_id):
            if not at.out.as_json:
                progress.show(event)
    except KeyboardInterrupt:
        hint = f"The task goes on; `lemnos tasks cancel {task_id}` ends it."
        raise Interrupted("No longer watching.", hint=hint) from None
    task = at.client.orchex.task(task_id)
    at.out.give(task, lambda to: print_result(to, task))
    if code := exit_code(task):
        raise typer.Exit(code)
