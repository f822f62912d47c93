"""The demonstration, step by step. Each step checks what it shows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import lemnos
from lemnos.cli.client import Client
from lemnos.cli.demo.improving import improve
from lemnos.cli.demo.judging import judge_branch, judge_defects, rank_branch
from lemnos.cli.demo.stage import Stage, clean_environment
from lemnos.cli.demo.telling import Teller
from lemnos.cli.follow import Progress, from_iteration
from lemnos.cli.launch import own_server
from lemnos.cli.report import print_outcome

if TYPE_CHECKING:
    from lemnos.cli.discovery import Server
    from lemnos.cli.shapes import Task

PROMPT = "Fix the failing tests and remove the unused imports."
FOLLOW_UP = "Rename the function to_cents to round_to_cents."


class Story:
    """Tells what happens; ``facts`` is the same for scripts."""

    def __init__(self, stage: Stage, as_json: bool) -> None:
        self._stage = stage
        self._tell = Teller(stage, as_json)
        self.facts = self._tell.facts

    def tell(self) -> None:
        """All of it. Raises ``CommandError`` as soon as something is not as it should be."""
        self._tell.heading("A small repository with real defects")
        self._repository()
        judge_defects(self._tell, self._stage)
        self._tell.heading("Lemnos starts, on its embedded defaults")
        stage = self._stage
        with (
            own_server(stage.data, cwd=stage.folder, env=clean_environment()) as server,
            Client(server) as client,
        ):
            self._tell.say(f"Lemnos {lemnos.__version__} at {server.url}, data in {stage.data}")
            self._tell.say("SQLite, the built-in agent: no key, no network, nothing to install.")
            self._tell.command(f"export LEMNOS_DATA={shlex.quote(str(stage.data))}")
            self._tell.command("KEY=$(lemnos config get api.key)")
            task = self._first_prompt(client, server)
            task = self._follow_up(client, task)
            branch = self._pull_request(client, server, task)
            improve(self._tell, client, str(stage.remote), branch)
        self._review(branch)
        self._evidence()
        self.facts["seconds"] = self._tell.seconds

    def _repository(self) -> None:
        files = self._stage.write_repository()
        self._tell.say(f"{self._stage.work}:")
        self._tell.say("  " + ", ".join(name for name in files if not name.endswith("__init__.py")))
        self._tell.command("python -m unittest")
        tests = self._stage.run_tests(self._stage.work)
        self._tell.tests(tests)
        self._tell.demand(not tests.passed, "The sample's tests should fail before the work.")

    def _first_prompt(self, client: Client, server: Server) -> Task:
        self._tell.heading("A task, by the public API")
        body = {"repo_url": str(self._stage.remote), "prompt": PROMPT}
        self._tell.curl(server, "POST", "/api/v1/tasks", body)
        created = client.create_task(body)
        self._tell.answer(created)
        self._tell.heading("Its events, live")
        self._tell.curl(server, "GET", f"/api/v1/tasks/{created['id']}/stream", flags="-N ")
        task = self._watch(client, created["id"], 1)
        self._tell.heading("What it has changed")
        self._tell.curl(server, "GET", f"/api/v1/tasks/{task['id']}/diff")
        diff = client.diff(task["id"])
        self._tell.diff(diff["diff"])
        self._tell.demand(bool(diff["files"]), "The task has changed nothing.")
        self.facts |= {"task": task["id"], "agent": task["cli"], "files": len(diff["files"])}
        return task

    def _follow_up(self, client: Client, task: Task) -> Task:
        self._tell.heading("A follow-up, in the same workspace")
        self._tell.say(f"“{FOLLOW_UP}”")
        accepted = client.instruct(task["id"], {"prompt": FOLLOW_UP})
        return self._watch(client, task["id"], accepted["iteration"])

    def _pull_request(self, client: Client, server: Server, task: Task) -> str:
        self._tell.heading("The pull request")
        self._tell.curl(server, "POST", f"/api/v1/tasks/{task['id']}/create-pr")
        made = client.create_pull_request(task["id"], {})
        self._tell.answer(made)
        self._tell.say(
            "The remote here is a plain git repository, so a branch is pushed.\n"
            "On GitHub, GitLab and Gitea a pull request is opened."
        )
        self.facts |= {"branch": made["branch"]}
        return made["branch"]

    def _review(self, branch: str) -> None:
        self._tell.heading("A reviewer clones the branch, runs the tests and the gates")
        self._tell.command(f"git clone --branch {branch} {self._stage.remote} review")
        self._stage.clone_branch(branch)
        log = self._stage.git("-C", str(self._stage.review), "log", "--format=%h %an: %s", "-2")
        self._tell.say(log.strip())
        self._tell.command("python -m unittest")
        tests = self._stage.run_tests(self._stage.review)
        self._tell.tests(tests)
        self._tell.demand(tests.passed, "The tests still fail on the branch.")
        judge_branch(self._tell, self._stage)
        rank_branch(self._tell, self._stage)

    def _evidence(self) -> None:
        self._tell.heading("The evidence")
        self._tell.command("lemnos audit verify")
        verdict = self._stage.lemnos("audit", "verify")
        count = verdict["checked"]
        self._tell.say(f"{count} entries, each chained to the one before by its hash.")
        self._tell.demand(verdict["intact"] and count > 0, "The audit chain is broken.")
        self.facts |= {"audit_entries": count}

    def _watch(self, client: Client, task_id: str, iteration: int) -> Task:
        progress = Progress(self._tell.to)
        for event in from_iteration(client.events(task_id), iteration):
            if not self._tell.quiet:
                progress.show(event)
        task = client.task(task_id)
        self._tell.show(lambda to: print_outcome(to, task))
        self._tell.demand(task["status"] == "completed", f"The task is {task['status']}.")
        return task
