"""The agent's part of a task that names its own runtime, or leaves it to the server's default."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from lemnos.domains.agents.ports import (
    Choice,
    ModelAccess,
    RunResult,
    RunSpec,
    Runtime,
    Runtimes,
)
from lemnos.domains.tasks.bench import Bench
from lemnos.domains.tasks.gating import Stage
from lemnos.domains.tasks.model import Task, TaskSecrets
from lemnos.domains.tasks.repairing import Repairer, Work
from lemnos.domains.tasks.runs import AgentRunner, interrupted
from lemnos.domains.workspaces.model import Workspace
from lemnos.engine import Steps
from lemnos.platform.db import Tx


class DirectRuns:
    """Chooses the runtime, and has it do the task's current iteration, repairs included."""

    def __init__(
        self, bench: Bench, runner: AgentRunner, repairer: Repairer, runtimes: Runtimes
    ) -> None:
        self._bench = bench
        self._runner = runner
        self._repairer = repairer
        self._runtimes = runtimes

    async def run(
        self, steps: Steps, task: Task, secrets: TaskSecrets, workspace: Workspace
    ) -> RunResult:
        """Run the agent for the task's current iteration.

        The result is kept before it is returned, so a crash right afterwards does not run the
        agent a second time.
        """
        row = await self._bench.store.run_record(task.id, task.iteration)
        if row and row["outcome"] and await self._is_over(task):
            return msgspec.json.decode(row["outcome"], type=RunResult)
        choice = await self._choose(task, secrets)
        spec = await self._spec(task, secrets, workspace, choice.runtime)
        if row and row["session"] and not row["outcome"]:
            spec = interrupted(spec, row["session"])
        task = await self._begin(steps, task, choice)
        work = Work(task, choice.runtime, spec, secrets, workspace)
        ran = await self._repairer.carry_out(steps, work)
        outcome = msgspec.json.encode(ran.result).decode()
        await self._runner.note(steps, task, outcome=outcome)
        return ran.result

    async def forget(self, steps: Steps, task: Task) -> None:
        """The workspace of a run is gone with its node: what it came to is nowhere any more."""

        async def body(tx: Tx) -> None:
            await self._bench.store.change_iteration(
                tx, task.id, task.iteration, outcome=None, gates=None
            )

        await self._bench.fenced(steps, body)

    async def _is_over(self, task: Task) -> bool:
        """Whether nothing is to be done after the outcome that was kept."""
        if task.config.gates is None:
            return True
        record = await self._bench.store.gate_record(task.id, task.iteration)
        # Without a record the agent's own part has not completed.
        return record is None or record.stage is Stage.SETTLED

    async def _choose(self, task: Task, secrets: TaskSecrets) -> Choice:
        accesses = self._runner.accesses
        known = {name for name, access in accesses.items() if access.api_key}
        if secrets.ai_api_key:
            known = {"anthropic", "openai"}
        return await self._runtimes.choose(task.config.cli, known)

    async def _spec(
        self, task: Task, secrets: TaskSecrets, workspace: Workspace, runtime: Runtime
    ) -> RunSpec:
        return replace(
            await self._runner.spec(task, secrets, workspace),
            model=task.config.ai_model,
            access=self._access(task, secrets, runtime),
            resume=task.session if task.runtime == runtime.name else "",
        )

    def _access(self, task: Task, secrets: TaskSecrets, runtime: Runtime) -> ModelAccess:
        """The model endpoint for a runtime, with the task's own key where it brings one."""
        if runtime.needs == "none":
            return ModelAccess("none")
        if runtime.needs == "any":
            wanted = "openai" if task.config.ai_model.startswith(("gpt", "o")) else "anthropic"
        else:
            wanted = runtime.needs
        access = self._runner.accesses.get(wanted, ModelAccess("none"))
        if secrets.ai_api_key:
            access = replace(access, api_key=secrets.ai_api_key)
        return access if access.api_key else ModelAccess("none")

    async def _begin(self, steps: Steps, task: Task, choice: Choice) -> Task:
        async def body(tx: Tx) -> Task:
            await steps.fence(tx)
            name, reason = choice.runtime.name, choice.reason
            return await self._bench.recorder.running(tx, task, name, reason)

        return await self._bench.db.write(body)
