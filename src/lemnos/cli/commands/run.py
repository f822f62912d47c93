"""``lemnos run``: one task from the prompt to its diff or pull request."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lemnos.cli.errors import Interrupted
from lemnos.cli.output import Output, console, print_diff, visible
from lemnos.cli.repairs import Gates, Profile, RepairBudget, Repairs, Strict, gates_asked
from lemnos.cli.session import AsJson, Data, Key, Session, Url

if TYPE_CHECKING:
    from lemnos.cli.discovery import Server
    from lemnos.cli.repository import Repository
    from lemnos.cli.shapes import Diff, PullRequest, Task

_DIFF_LINES = 400  # of a diff that are shown at the end of a run
_MODEL_KEYS = {
    "": "ANTHROPIC_API_KEY",
    "claude-code": "ANTHROPIC_API_KEY",
    "codex": "OPENAI_API_KEY",
}


def run(
    prompt: Annotated[str, typer.Argument(help="What to do; - reads it from stdin.")],
    repo: Annotated[str, typer.Option(help="A URL, or a folder on this machine.")] = ".",
    cli: Annotated[
        str, typer.Option(help="claude-code, codex, acp:<name> or builtin; else the default.")
    ] = "",
    model: Annotated[str, typer.Option(help="The agent's model.")] = "",
    timeout: Annotated[int | None, typer.Option(min=1, help="Seconds. [300]")] = None,
    budget: Annotated[float | None, typer.Option(min=0, help="US dollars at most.")] = None,
    max_turns: Annotated[int | None, typer.Option(min=1, help="Turns of the model.")] = None,
    branch: Annotated[str, typer.Option(help="Branch to start from and to merge into.")] = "",
    gates: Gates = False,
    profile: Profile = "",
    repairs: Repairs = None,
    repair_budget: RepairBudget = None,
    strict: Strict = False,
    pr: Annotated[bool, typer.Option("--pr", help="Open a pull request at the end.")] = False,
    token_env: Annotated[
        str, typer.Option(metavar="VARIABLE", help="Variable with the token of the git host.")
    ] = "",
    git_key: Annotated[str, typer.Option(help="A key of `lemnos git-keys`, instead.")] = "",
    url: Url = None,
    api_key: Key = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let an agent work on a repository: live progress, then the diff.

    Without a running server, one is started for as long as this takes. Ctrl-C cancels the task.
    The exit code tells how it ended.
    """
    from lemnos.cli.client import Client
    from lemnos.cli.commands.tasks import read_prompt
    from lemnos.cli.report import exit_code
    from lemnos.cli.repository import repository
    from lemnos.cli.secret_input import from_variable

    order: dict[str, Any] = {"prompt": read_prompt(prompt), "provider_key": git_key}
    order |= gates_asked(gates, profile, repairs, repair_budget, strict)
    if token_env:
        order["access_token"] = from_variable(token_env)
    config = {
        "cli": cli,
        "ai_model": model,
        "timeout_seconds": timeout,
        "max_budget_usd": budget,
        "max_turns": max_turns,
        "target_branch": branch,
    }
    found = repository(repo)
    out = Output(as_json)
    _warn_of_uncommitted(out, found)
    with _some_server(url, api_key, data, found.folder, out) as server, Client(server) as client:
        config["ai_api_key"] = _model_key(server, cli)
        order |= {"repo_url": found.url, "config": _given(config)}
        at = Session(client, out)
        task = _carry_out(at, _given(order))
        made = _open_pull_request(at, task) if pr else None
        _conclude(at, client.task(task["id"]), made)
    if code := exit_code(task):
        raise typer.Exit(code)


@contextmanager
def _some_server(
    url: str | None, key: str | None, data: str | None, folder: Path | None, out: Output
) -> Iterator[Server]:
    """The server that was named or that runs on the data folder, else one of our own."""
    from lemnos.cli.discovery import find_server, local_settings, running
    from lemnos.cli.launch import own_server

    server = find_server(url, key, data)
    data_dir = local_settings(data).data_dir
    if server.chosen or running(data_dir):
        yield server
        return
    out.note("No server runs here: starting one for this task.")
    with own_server(data_dir, cwd=folder or Path.cwd()) as own:
        yield own


def _carry_out(at: Session, order: Mapping[str, Any]) -> Task:
    """Create the task and show what happens until it is at rest."""
    from lemnos.cli.follow import Progress

    task_id = at.client.create_task(order)["id"]
    at.out.note(f"Task {task_id}")
    progress = Progress(console())
    last = ""
    try:
        for event in at.client.events(task_id):
            last = event["id"] or last
            if not at.out.as_json:
                progress.show(event)
    except KeyboardInterrupt:
        _cancel(at, task_id, last)
    return at.client.task(task_id)


def _cancel(at: Session, task_id: str, last: str) -> None:
    from lemnos.cli.errors import CommandError

    at.out.note("\nCancelling; press Ctrl-C again to leave at once.", "yellow")
    try:
        at.client.cancel(task_id)
    except CommandError as error:
        at.out.note(error.message)  # it has ended in this very moment
    for _ in at.client.events(task_id, last):
        pass
    status = at.client.task(task_id)["status"]
    raise Interrupted(f"The task is {status}.", code=status, hint=f"lemnos tasks show {task_id}")


def _open_pull_request(at: Session, task: Task) -> PullRequest | None:
    from lemnos.cli.report import changed_something, exit_code

    if exit_code(task) or not changed_something(task["changes_summary"]):
        at.out.note("There is nothing to open a pull request for.", "yellow")
        return None
    at.out.note("Opening the pull request…")
    return at.client.create_pull_request(task["id"], {})


def _conclude(at: Session, task: Task, made: PullRequest | None) -> None:
    """The diff, the outcome, and what can be done next."""
    from lemnos.cli.report import changed_something, print_outcome

    changed = changed_something(task["changes_summary"])
    diff = at.client.diff(task["id"]) if changed else None

    def human(to: Any) -> None:
        if diff is not None:
            _print_diff(to, task, diff)
        print_outcome(to, task)
        if made is None:
            _print_next(to, task, changed)

    at.out.give({"task": task, "diff": diff, "pull_request": made}, human)


def _print_diff(to: Any, task: Task, diff: Diff) -> None:
    to.rule("changes")
    if left_out := print_diff(to, diff["diff"], _DIFF_LINES):
        more = f"… {left_out} more lines: lemnos tasks diff {task['id']}"
        to.print(more, style="dim", soft_wrap=True)
    to.rule()


def _print_next(to: Any, task: Task, changed: bool) -> None:
    name = task["id"]
    steps = [("tasks instruct", f'{name} "…"', "follow up in the same workspace")]
    if changed:
        steps.append(("tasks pr", name, "push it and open a pull request"))
        steps.append(("tasks diff", f"{name} | git apply", "take it over by hand"))
    to.print("\nNext, with `lemnos serve` running:", style="dim")
    for command, arguments, meaning in steps:
        to.print(f"  lemnos {command} {arguments}   # {meaning}", style="dim", soft_wrap=True)


def _warn_of_uncommitted(out: Output, found: Repository) -> None:
    from lemnos.cli.repository import has_uncommitted_changes

    if found.folder is not None and has_uncommitted_changes(found.folder):
        text = f"{found.folder} has uncommitted changes; the agent sees what is committed."
        out.note(visible(text), "yellow")


def _model_key(server: Server, cli: str) -> str:
    """The model key of this shell, for a server on this machine: it may run without one."""
    from lemnos.cli.discovery import is_local

    variable = _MODEL_KEYS.get(cli, "")
    return os.environ.get(variable, "") if variable and is_local(server.url) else ""


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was left out."""
    return {name: value for name, value in values.items() if value not in (None, "", {})}
