"""The demonstration, step by step. Each step checks what it shows."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import lemnos
from lemnos.cli.client import Client
from lemnos.cli.demo.stage import Stage, Tests, clean_environment
from lemnos.cli.errors import CommandError
from lemnos.cli.follow import Progress, from_iteration
from lemnos.cli.launch import own_server
from lemnos.cli.output import console, print_diff, visible
from lemnos.cli.report import print_outcome
from lemnos.runners.builtin.sample import PROMPT

if TYPE_CHECKING:
    from rich.console import Console

    from lemnos.cli.discovery import Server
    from lemnos.cli.shapes import Diff, Task

FOLLOW_UP = "Rename the function to_cents to round_to_cents."
_DIFF_LINES = 150


class Story:
    """Tells what happens; ``facts`` is the same for scripts."""

    def __init__(self, stage: Stage, as_json: bool) -> None:
        self._stage = stage
        self._quiet = as_json
        self._to = console()
        self._step = 0
        self._begun = time.monotonic()
        self.facts: dict[str, Any] = {"folder": str(stage.folder), "version": lemnos.__version__}

    def tell(self) -> None:
        """All of it. Raises ``CommandError`` as soon as something is not as it should be."""
        self._heading("A small repository with real defects")
        self._repository()
        self._heading("Lemnos starts, on its embedded defaults")
        stage = self._stage
        with (
            own_server(stage.data, cwd=stage.folder, env=clean_environment()) as server,
            Client(server) as client,
        ):
            self._say(f"Lemnos {lemnos.__version__} at {server.url}, data in {stage.data}")
            self._say("SQLite, the built-in agent: no key, no network, nothing else to install.")
            self._command(f"KEY=$(lemnos config get api.key --data {shlex.quote(str(stage.data))})")
            task = self._first_prompt(client, server)
            task = self._follow_up(client, task)
            branch = self._pull_request(client, server, task)
        self._review(branch)
        self._evidence()
        self.facts["seconds"] = round(time.monotonic() - self._begun, 1)

    def _repository(self) -> None:
        files = self._stage.write_repository()
        self._say(f"{self._stage.work}:")
        self._say("  " + ", ".join(name for name in files if not name.endswith("__init__.py")))
        self._command("python -m unittest")
        tests = self._stage.run_tests(self._stage.work)
        self._show_tests(tests)
        self._demand(not tests.passed, "The sample's tests should fail before the work.")

    def _first_prompt(self, client: Client, server: Server) -> Task:
        self._heading("A task, by the public API")
        body = {"repo_url": str(self._stage.remote), "prompt": PROMPT}
        self._curl(server, "POST", "/api/v1/tasks", body)
        created = client.create_task(body)
        self._answer(created)
        self._heading("Its events, live")
        self._curl(server, "GET", f"/api/v1/tasks/{created['id']}/stream", flags="-N ")
        task = self._watch(client, created["id"], 1)
        self._heading("What it has changed")
        self._curl(server, "GET", f"/api/v1/tasks/{task['id']}/diff")
        diff = client.diff(task["id"])
        self._show_diff(diff)
        self._demand(bool(diff["files"]), "The task has changed nothing.")
        self.facts |= {"task": task["id"], "agent": task["cli"], "files": len(diff["files"])}
        return task

    def _follow_up(self, client: Client, task: Task) -> Task:
        self._heading("A follow-up, in the same workspace")
        self._say(f"“{FOLLOW_UP}”")
        accepted = client.instruct(task["id"], {"prompt": FOLLOW_UP})
        return self._watch(client, task["id"], accepted["iteration"])

    def _pull_request(self, client: Client, server: Server, task: Task) -> str:
        self._heading("The pull request")
        self._curl(server, "POST", f"/api/v1/tasks/{task['id']}/create-pr")
        made = client.create_pull_request(task["id"], {})
        self._answer(made)
        self._say(
            "The remote here is a plain git repository, so a branch is pushed.\n"
            "On GitHub, GitLab and Gitea a pull request is opened."
        )
        self.facts |= {"branch": made["branch"]}
        return made["branch"]

    def _review(self, branch: str) -> None:
        self._heading("A reviewer clones the branch and runs the tests")
        self._command(f"git clone --branch {branch} {self._stage.remote} review")
        self._stage.clone_branch(branch)
        log = self._stage.git("-C", str(self._stage.review), "log", "--format=%h %an: %s", "-2")
        self._say(log.strip())
        self._command("python -m unittest")
        tests = self._stage.run_tests(self._stage.review)
        self._show_tests(tests)
        self._demand(tests.passed, "The tests still fail on the branch.")

    def _evidence(self) -> None:
        self._heading("The evidence")
        self._command(f"lemnos audit verify --data {shlex.quote(str(self._stage.data))}")
        verdict = self._stage.lemnos("audit", "verify")
        self._say(f"{verdict['checked']} entries, each chained to the one before by its hash.")
        self._demand(verdict["intact"] and verdict["checked"] > 0, "The audit chain is broken.")
        self.facts |= {"audit_entries": verdict["checked"]}

    def _watch(self, client: Client, task_id: str, iteration: int) -> Task:
        progress = Progress(self._to)
        for event in from_iteration(client.events(task_id), iteration):
            if not self._quiet:
                progress.show(event)
        task = client.task(task_id)
        self._print(lambda to: print_outcome(to, task))
        self._demand(task["status"] == "completed", f"The task is {task['status']}.")
        return task

    # --- telling -------------------------------------------------------------------------------

    def _print(self, show: Callable[[Console], None]) -> None:
        if not self._quiet:
            show(self._to)

    def _heading(self, text: str) -> None:
        self._step += 1
        self._print(lambda to: to.print())
        self._print(lambda to: to.rule(f" {self._step}  {text} ", align="left", style="cyan"))

    def _say(self, text: str, style: str | None = None) -> None:
        self._print(lambda to: to.print(visible(text), style=style, soft_wrap=True))

    def _command(self, text: str) -> None:
        self._print(lambda to: to.print(f"$ {visible(text)}", style="bold", soft_wrap=True))

    def _answer(self, content: Mapping[str, Any]) -> None:
        self._print(lambda to: to.print(json.dumps(content), style="green", soft_wrap=True))

    def _curl(
        self,
        server: Server,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        flags: str = "",
    ) -> None:
        """The request that is about to be made, as somebody would type it."""
        how = "" if method == "GET" else f"-X {method} "
        lines = [f"curl {flags}{how}{server.url}{path}", '-H "Authorization: Bearer $KEY"']
        if body is not None:
            lines.append('-H "Content-Type: application/json"')
            lines.append(f"-d {shlex.quote(json.dumps(body))}")
        self._command(" \\\n    ".join(lines))

    def _show_tests(self, tests: Tests) -> None:
        lines = tests.said.strip().splitlines()
        chosen = [line for line in lines if line.startswith(("FAIL", "ERROR", "Ran", "OK"))]
        names = [line for line in lines if line.startswith("NameError")]
        for line in dict.fromkeys([*names, *chosen]):
            self._say(f"  {line}", "green" if tests.passed else "red")

    def _show_diff(self, diff: Diff) -> None:
        def show(to: Console) -> None:
            if left_out := print_diff(to, diff["diff"], _DIFF_LINES):
                to.print(f"… {left_out} more lines", style="dim")

        self._print(show)

    def _demand(self, holds: bool, problem: str) -> None:
        if not holds:
            raise CommandError(
                problem, code="demo_failed", hint=f"Everything is in {self._stage.folder}."
            )
