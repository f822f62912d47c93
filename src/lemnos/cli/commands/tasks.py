"""``lemnos tasks``."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from lemnos.cli.errors import CommandError, Interrupted, WrongUsage
from lemnos.cli.output import console, print_diff, print_json, table, visible
from lemnos.cli.session import Session, connected

app = typer.Typer(no_args_is_help=True, help="Follow, steer and read tasks.")

TaskId = Annotated[str, typer.Argument(metavar="ID", help="A task's id, or the end of it.")]
_FULL_IDS = (36, 37)  # a UUID, and how ORCHEX writes the same one: task_<32 hex>
_RECENT = 100  # tasks among which the end of an id is looked up


@app.command("list")
@connected
def list_tasks(
    at: Session,
    status: Annotated[
        str,
        typer.Option(help="queued, running, completed, failed, cancelled or awaiting_decision."),
    ] = "",
    type: Annotated[str, typer.Option(help="Only of this type, such as code_review.")] = "",
    agent: Annotated[str, typer.Option(help="Only those that this agent has done.")] = "",
    user: Annotated[str, typer.Option(help="Only on behalf of this user.")] = "",
    since: Annotated[str, typer.Option(help="Only those created after this time.")] = "",
    until: Annotated[str, typer.Option(help="Only those created before this time.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    offset: Annotated[int, typer.Option(min=0, help="After so many.")] = 0,
) -> None:
    """Tasks of all kinds, the newest first."""
    from lemnos.cli.routed import TASK_COLUMNS, task_row

    page = at.client.orchex.tasks(
        status=status,
        type=type,
        agent_id=agent,
        user_id=user,
        since=since,
        until=until,
        limit=limit,
        offset=offset,
    )

    def human(to: Any) -> None:
        to.print(table("", TASK_COLUMNS, map(task_row, page["tasks"])))
        shown = offset + len(page["tasks"])
        if shown < page["total"]:
            to.print(f"{shown} of {page['total']}; more: --offset {shown}", style="dim")

    at.out.give(page, human)


@app.command("show")
@connected
def show(at: Session, task_id: TaskId) -> None:
    """A task with all its prompts, what came of each, and how it was routed."""
    from lemnos.cli.report import print_task
    from lemnos.cli.routed import print_routed

    task_id = full_id(at, task_id)
    task, order = at.client.task(task_id, iterations=True), at.client.orchex.task(task_id)

    def human(to: Any) -> None:
        print_task(to, task)
        to.print()
        print_routed(to, order)

    at.out.give({**task, "orchex": order}, human)


@app.command("watch")
@connected
def watch(
    at: Session,
    task_id: TaskId,
    everything: Annotated[bool, typer.Option("--all", help="Cut nothing short.")] = False,
) -> None:
    """Show what happens from the beginning on, until the task is at rest. JSON: a line an event."""
    follow(at, full_id(at, task_id), everything=everything)


@app.command("instruct")
@connected
def instruct(
    at: Session,
    task_id: TaskId,
    prompt: Annotated[str, typer.Argument(help="What to do next; - reads it from stdin.")],
    timeout: Annotated[int | None, typer.Option(min=1, help="Seconds from now on.")] = None,
    max_turns: Annotated[int | None, typer.Option(min=1, help="Turns of the model.")] = None,
    budget: Annotated[float | None, typer.Option(min=0, help="US dollars.")] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not watch it.")] = False,
) -> None:
    """Follow up in the same workspace, and watch."""
    body = {
        "prompt": read_prompt(prompt),
        "timeout_seconds": timeout,
        "max_turns": max_turns,
        "max_budget_usd": budget,
    }
    task_id = full_id(at, task_id)
    accepted = at.client.instruct(task_id, {k: v for k, v in body.items() if v is not None})
    if no_wait:
        at.out.give(accepted, lambda to: to.print(f"Iteration {accepted['iteration']} accepted."))
        return
    follow(at, task_id, iteration=accepted["iteration"])


@app.command("cancel")
@connected
def cancel(at: Session, task_id: TaskId) -> None:
    """End what a task is doing."""
    said = at.client.cancel(full_id(at, task_id))
    at.out.give(said, lambda to: to.print(said["message"]))


@app.command("diff")
@connected
def diff(
    at: Session,
    task_id: TaskId,
    stat: Annotated[bool, typer.Option("--stat", help="Only how much changed.")] = False,
) -> None:
    """What a task has changed. Piped, it is a plain patch: `lemnos tasks diff ID | git apply`."""
    found = at.client.diff(full_id(at, task_id))
    if found["truncated"]:
        at.out.note("The diff is cut off at 1 MB; open a pull request to see all.", "yellow")

    def human(to: Any) -> None:
        if stat:
            columns = ("file", "status", ">+", ">−")
            rows = [
                [f["path"], f["status"], f["additions"], f["deletions"]] for f in found["files"]
            ]
            to.print(table("", columns, rows))
        elif to.is_terminal:
            print_diff(to, found["diff"])
        else:
            sys.stdout.buffer.write(found["diff"].encode("utf-8", "surrogateescape"))

    at.out.give(found, human)


@app.command("pr")
@connected
def pull_request(
    at: Session,
    task_id: TaskId,
    title: Annotated[str, typer.Option(help="Made from the prompt if left out.")] = "",
    description: Annotated[str, typer.Option(help="Made from the task if left out.")] = "",
    target: Annotated[str, typer.Option(help="Branch to merge into.")] = "",
) -> None:
    """Push what a task has done and open a pull request."""
    body = {"title": title, "description": description, "target_branch": target}
    made = at.client.create_pull_request(
        full_id(at, task_id), {name: value for name, value in body.items() if value}
    )
    text = f"{made['pr_url']} (branch {made['branch']})"
    at.out.give(made, lambda to: to.print(visible(text), soft_wrap=True))


@app.command("callbacks")
@connected
def callbacks(
    at: Session,
    task_id: TaskId,
    redeliver: Annotated[str, typer.Option(metavar="DELIVERY", help="Send this one again.")] = "",
) -> None:
    """The deliveries of a task's callback, with every attempt."""
    task_id = full_id(at, task_id)
    if redeliver:
        said = at.client.redeliver(redeliver)
        at.out.give(said, lambda to: to.print(f"{said['id']} goes out again."))
        return
    found = at.client.callbacks(task_id)
    columns = ("delivery", "event", "state", ">attempts", "last answer", "url")
    rows = [
        [one["id"], one["event"], one["state"], len(one["attempts"]), _last(one), one["url"]]
        for one in found
    ]
    at.out.give({"callbacks": found}, lambda to: to.print(table("", columns, rows)))


def full_id(at: Session, given: str) -> str:
    """The id of the one recent task that ends like this: ids of one minute begin alike."""
    if len(given) in _FULL_IDS:
        return given
    recent = at.client.tasks(limit=_RECENT)["tasks"]
    end = given.removeprefix("task_").replace("-", "")
    found = [task["id"] for task in recent if end and task["id"].replace("-", "").endswith(end)]
    if len(found) == 1:
        return found[0]
    problem = "No recent task ends with" if not found else "Several tasks end with"
    raise CommandError(
        f"{problem} {given!r}.", code="task_not_found", hint="See `lemnos tasks list`."
    )


def follow(at: Session, task_id: str, *, iteration: int = 1, everything: bool = False) -> None:
    """Print events until the task is at rest, then how it ended; Ctrl-C leaves it running."""
    from lemnos.cli.follow import Progress, from_iteration
    from lemnos.cli.report import exit_code, print_outcome

    progress = Progress(console(), everything)
    try:
        for event in from_iteration(at.client.events(task_id), iteration):
            if at.out.as_json:
                print_json(event, indent=None)
            else:
                progress.show(event)
    except KeyboardInterrupt:
        raise Interrupted(
            "No longer watching.",
            hint=f"The task goes on; `lemnos tasks cancel {task_id}` ends it.",
        ) from None
    task = at.client.task(task_id)
    if not at.out.as_json:
        print_outcome(console(), task)
    if code := exit_code(task):
        raise typer.Exit(code)


def read_prompt(given: str) -> str:
    """The prompt, from standard input for ``-``."""
    text = sys.stdin.read() if given == "-" else given
    if not text.strip():
        raise WrongUsage("The prompt is empty.", code="empty_prompt")
    return text


def _last(delivery: dict[str, Any]) -> str:
    attempts = delivery["attempts"]
    if not attempts:
        return ""
    last = attempts[-1]
    return str(last["status"] or last["problem"])
