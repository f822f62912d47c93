"""Use cases of tasks. Those that change something run in the caller's transaction."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from lemnos.domains.agents.ports import Runtimes
from lemnos.domains.integrations.service import KeyService
from lemnos.domains.mcp.model import problems
from lemnos.domains.tasks import events
from lemnos.domains.tasks.gating import problems as problems_of_gates
from lemnos.domains.tasks.model import (
    MAX_PROMPT,
    Iteration,
    NewTask,
    PullRequestAsked,
    Status,
    Task,
    TaskConfig,
    TaskSecrets,
    demand,
    resting,
)
from lemnos.domains.tasks.ports import AddressPolicy, RoutedWork
from lemnos.domains.tasks.recording import Recorder
from lemnos.domains.tasks.store import TaskStore
from lemnos.domains.tasks.work import OPEN_PR, iteration_job
from lemnos.engine import Engine, Job
from lemnos.kernel import clock, ids
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Conflict, Invalid, NotFound, Unprocessable
from lemnos.kernel.page import Page
from lemnos.platform.db import Tx
from lemnos.platform.events.port import EventLog
from lemnos.platform.secrets import Vault

_RECHECK = 2.0  # seconds after which a waiter looks again, should a wake-up be lost


@dataclass(frozen=True, slots=True)
class Followup:
    """A further instruction, and what it changes of the task's configuration."""

    prompt: str
    timeout_seconds: int | None = None
    max_turns: int | None = None
    max_budget_usd: float | None = None


class TaskService:
    """Create, follow, instruct, cancel, list, and ask for pull requests."""

    def __init__(
        self,
        store: TaskStore,
        routed: RoutedWork,
        log: EventLog,
        engine: Engine,
        recorder: Recorder,
        keys: KeyService,
        runtimes: Runtimes,
        policy: AddressPolicy,
        vault: Vault,
        max_timeout: int,
        stop_run: Callable[[str], None],
    ) -> None:
        self._store = store
        self._routed = routed
        self._log = log
        self._engine = engine
        self._recorder = recorder
        self._keys = keys
        self._runtimes = runtimes
        self._policy = policy
        self._vault = vault
        self._max_timeout = max_timeout
        self._stop_run = stop_run

    async def draft(self, ctx: Context, new: NewTask) -> Task:
        """Check what is asked for and make a task of it, not stored yet."""
        self._check(new)
        if new.provider_key:
            await self._keys.check(ctx.tenant, new.provider_key, new.repo_url)
        task_id = ids.new_uuid()
        return Task(
            id=task_id,
            tenant=ctx.tenant,
            created_by=ctx.principal.subject,
            status=Status.PENDING,
            repo_url=new.repo_url,
            prompt=new.prompt,
            current_prompt=new.prompt,
            iteration=1,
            config=new.config,
            provider_key=new.provider_key,
            callback_url=new.callback_url,
            created_at=clock.now(),
            trace_id=ctx.trace_id or ids.new_trace_id(),
            sealed=self.seal(ctx.tenant, task_id, new.secrets),
        )

    async def create(self, tx: Tx, ctx: Context, task: Task) -> Task:
        """Store a drafted task; its work begins once this is durable."""
        self._store.add(tx, task)
        await self._recorder.created(tx, task)
        await self._engine.enqueue(tx, iteration_job(task))
        return task

    async def get(self, ctx: Context, task_id: str, tx: Tx | None = None) -> Task:
        """A task of the caller's tenant; its id in either form."""
        task = await self._store.get(ctx.tenant, ids.uuid_of_task(task_id), tx)
        if task is None:
            raise NotFound(f"There is no task {task_id}.", code="task_not_found")
        return task

    async def iterations(self, ctx: Context, task_id: str) -> tuple[Iteration, ...]:
        """The prompts of a task and what came of them."""
        return await self._store.iterations(ctx.tenant, task_id)

    async def page(
        self, ctx: Context, *, status: str = "", limit: int = 50, offset: int = 0, after: str = ""
    ) -> Page[Task]:
        """The tenant's tasks, the newest first, with a total that is counted up to 10,000."""
        page = await self._store.page(
            ctx.tenant, status=status, limit=limit, offset=offset, after=after
        )
        return replace(page, total=await self._store.count(ctx.tenant, status))

    async def statuses(self, ctx: Context, task_ids: Sequence[str]) -> Mapping[str, Status]:
        """The status of each of a few tasks; those that do not exist are left out."""
        return await self._store.statuses(ctx.tenant, task_ids)

    async def instruct(self, tx: Tx, ctx: Context, task_id: str, followup: Followup) -> Task:
        """Start a new iteration in the same workspace; ``Conflict`` while the task is at work."""
        task = await self.get(ctx, task_id, tx)
        demand(task.status, Status.AWAITING_INSTRUCTION)
        _check_prompt(followup.prompt)
        config = _changed(task.config, followup)
        self.check_config(config)
        number = task.iteration + 1
        await self._store.change(
            tx,
            task,
            status=Status.AWAITING_INSTRUCTION,
            iteration=number,
            current_prompt=followup.prompt,
            config=config,
            cancel_requested_at=None,
            error=None,
            error_class="",
            finished_at=None,
            gates=None,
        )
        first = Iteration(number, followup.prompt, Status.AWAITING_INSTRUCTION)
        await self._store.add_iteration(tx, task, first)
        stream = events.stream_of(task.id)
        await self._log.append(tx, ctx.tenant, stream, [events.instructed(task, number)])
        task = replace(task, iteration=number, status=Status.AWAITING_INSTRUCTION)
        if task.routed:
            await self._engine.enqueue(tx, await self._routed.begin_anew(tx, task))
        else:
            await self._engine.enqueue(tx, iteration_job(task))
        return task

    async def cancel(self, tx: Tx, ctx: Context, task_id: str) -> Task:
        """Ask a task to end. One that has not begun ends at once; ``Conflict`` for one at rest."""
        task = await self.get(ctx, task_id, tx)
        if resting(task.status):
            message = f"The task is {task.status} already."
            raise Conflict(message, code="task_state", details={"status": task.status.value})
        now = clock.now()
        await self._store.change(tx, task, cancel_requested_at=now)
        task = replace(task, cancel_requested_at=now)
        asked = events.cancel_requested(ctx.principal.subject)
        await self._log.append(tx, ctx.tenant, events.stream_of(task.id), [asked])
        if await self._engine.cancel(tx, await self._waiting_job(tx, task)):
            await self._recorder.cancelled_before_start(tx, task)
        else:
            tx.after_commit(lambda: self._stop_run(task.id))
        if task.routed:
            for child, status in (await self._store.children(ctx.tenant, task.id, tx)).items():
                if not resting(status):
                    with contextlib.suppress(Conflict):  # it has come to rest in this moment
                        await self.cancel(tx, ctx, child)
        return task

    async def ask_pull_request(
        self, tx: Tx, ctx: Context, task_id: str, asked: PullRequestAsked
    ) -> Task:
        """Start making a pull request. Asking again while one is being made joins that one."""
        task = await self.get(ctx, task_id, tx)
        if task.status is Status.CREATING_PR:
            return task
        demand(task.status, Status.CREATING_PR)
        if not task.repo_url:
            message = "The task worked in an empty workspace: there is no repository to propose to."
            raise Unprocessable(message, code="no_repository")
        if task.changes is None or task.changes.files_changed == 0:
            raise Conflict("The task changed nothing that could be proposed.", code="no_changes")
        job_id = f"pr:{task.id}:{ids.new_id('try')}"
        await self._store.change(
            tx,
            task,
            status=Status.CREATING_PR,
            pr_request=replace(asked, job=job_id),
            cancel_requested_at=None,  # one that came too late was meant for what has ended
            error=None,
            error_class="",
        )
        stream = events.stream_of(task.id)
        await self._log.append(tx, ctx.tenant, stream, [events.pr_started()])
        payload = {"task_id": task.id, "trace_id": task.trace_id}
        await self._engine.enqueue(tx, Job(job_id, OPEN_PR, task.tenant, payload))
        return replace(task, status=Status.CREATING_PR)

    async def last_event(self, task_id: str) -> int:
        """The cursor of the newest event in the task's stream."""
        return await self._log.head(events.stream_of(task_id))

    async def rested(self, ctx: Context, task_id: str, timeout: float) -> Task:
        """Wait until the task is at rest, or for ``timeout`` seconds; the task as it is then."""
        subscription = self._log.subscribe(events.stream_of(task_id))
        ends = time.monotonic() + timeout
        try:
            while True:
                task = await self.get(ctx, task_id)
                left = ends - time.monotonic()
                if resting(task.status) or left <= 0:
                    return task
                await subscription.changed(min(left, _RECHECK))
        finally:
            subscription.close()

    def secrets(self, task: Task) -> TaskSecrets:
        """What was sealed with the task."""
        if not task.sealed:
            return TaskSecrets()
        clear = self._vault.open(task.tenant, _sealed_name(task.id), task.sealed)
        return msgspec.json.decode(clear, type=TaskSecrets)

    async def _waiting_job(self, tx: Tx, task: Task) -> str:
        """The job that carries the task on, if it waits."""
        parked = await self._routed.parked_job(tx, task) if task.routed else ""
        return parked or iteration_job(task).id

    def seal(self, tenant: str, task_id: str, secrets: TaskSecrets) -> bytes:
        """Secrets as they are stored with a task; empty for none."""
        if secrets == TaskSecrets():
            return b""
        clear = msgspec.json.encode(secrets)
        return self._vault.seal(tenant, _sealed_name(task_id), clear)

    def _check(self, new: NewTask) -> None:
        _check_prompt(new.prompt)
        self._policy.check_repository(new.repo_url)
        if new.callback_url:
            self._policy.check_callback(new.callback_url)
        self.check_config(new.config)
        for position, server in enumerate(new.secrets.mcp_servers):
            if found := problems(server):
                fields = {f"config.mcp_servers[{position}].{k}": v for k, v in found.items()}
                raise Invalid("An MCP server cannot work as described.", fields=fields)
            if server.url:
                field = f"config.mcp_servers[{position}].url"
                self._policy.check_mcp_server(server.url, field=field)

    def check_config(self, config: TaskConfig) -> None:
        """Raise ``Invalid`` with the field of what no task may have."""
        if not 1 <= config.timeout_seconds <= self._max_timeout:
            _refuse("config.timeout_seconds", f"must be from 1 to {self._max_timeout}")
        if config.max_turns is not None and config.max_turns < 1:
            _refuse("config.max_turns", "must be at least 1")
        if config.max_budget_usd is not None and config.max_budget_usd <= 0:
            _refuse("config.max_budget_usd", "must be over 0")
        for field, problem in problems_of_gates(config.gates).items() if config.gates else ():
            _refuse(field, problem)
        try:
            self._runtimes.check(config.cli)
        except Invalid as error:
            raise Invalid(
                error.message,
                code=error.code,
                fields={f"config.{name}": problem for name, problem in error.fields.items()},
            ) from error


def _changed(config: TaskConfig, followup: Followup) -> TaskConfig:
    names = ("timeout_seconds", "max_turns", "max_budget_usd")
    given = {name: getattr(followup, name) for name in names}
    return replace(config, **{name: value for name, value in given.items() if value is not None})


def _check_prompt(prompt: str) -> None:
    if not prompt.strip():
        _refuse("prompt", "is required")
    if len(prompt) > MAX_PROMPT:
        _refuse("prompt", f"has {len(prompt)} characters; at most {MAX_PROMPT} are allowed")


def _refuse(field: str, problem: str) -> None:
    raise Invalid(f"{field} {problem}.", fields={field: problem})


def _sealed_name(task_id: str) -> str:
    return f"task/{task_id}"
