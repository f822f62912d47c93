"""Routed tasks on a real engine and a real database, with agents whose every run is scripted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from lemnos.adapters.forges import ForgeHttp, ForgeRegistry
from lemnos.adapters.git import GitCli
from lemnos.adapters.net.policy import GuardPolicy
from lemnos.domains.agents.model import (
    AgentConfig,
    Attempt,
    Constraints,
    NewAgent,
    RetryPolicy,
)
from lemnos.domains.agents.ports import (
    AgentEvent,
    ErrorClass,
    EventKind,
    RunResult,
    RunSpec,
    RuntimeStatus,
    Usage,
    Verdict,
)
from lemnos.domains.integrations.service import KeyService
from lemnos.domains.integrations.store import KeyStore
from lemnos.domains.mcp.service import McpService
from lemnos.domains.mcp.store import McpStore
from lemnos.domains.quality.baseline import mark_from
from lemnos.domains.quality.model import Finding, GateReport, GateRequest, GateResult
from lemnos.domains.quality.model import Verdict as QualityVerdict
from lemnos.domains.quality.ports import GateEvent, Inspection, OnGate, Tree
from lemnos.domains.quality.safety import Check, CheckResult, Outcome, SafetyReport
from lemnos.domains.tasks.model import Task, TaskType, resting
from lemnos.domains.tasks.routing.model import Order, OrderRecord
from lemnos.domains.workspaces.service import WorkspaceLimits, WorkspaceService
from lemnos.domains.workspaces.store import WorkspaceStore
from lemnos.foundation import Platform, make_platform
from lemnos.kernel.context import system_context
from lemnos.kernel.errors import Invalid
from lemnos.main.agents import make_agents
from lemnos.main.tasks import Neighbours, Tasks, make_tasks
from lemnos.platform.db import Tx
from lemnos.platform.db.migrate import migrate
from lemnos.runners.runtimes.registry import RuntimeRegistry
from lemnos.settings import Settings

CTX = system_context("default", "test")
PATIENCE = 30.0  # seconds a test waits for what must come
DONE = RunResult(Verdict.COMPLETED, text="Done.", usage=Usage(10, 5, 0.01))


def failed(kind: ErrorClass, error: str = "no", *, cost: float | None = None) -> RunResult:
    """A run that failed."""
    return RunResult(Verdict.FAILED, error=error, error_class=kind, usage=Usage(1, 1, cost))


@dataclass
class Act:
    """One run: the files that it writes (None: removes), what it waits for, and how it ends."""

    result: RunResult = DONE
    files: dict[str, str | None] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    session: str = ""


class ScriptedRun:
    """A run under way."""

    pid: int | None = None
    pgid: int | None = None
    started_ticks: int | None = None
    started: float | None = None

    def __init__(self, spec: RunSpec, act: Act) -> None:
        self._spec = spec
        self._act = act
        self._cancelled = asyncio.Event()
        self.result = act.result

    async def __aiter__(self) -> AsyncIterator[AgentEvent]:
        yield AgentEvent(EventKind.STARTED, b"{}", {"session": self._act.session})
        yield AgentEvent(EventKind.TEXT, b"{}", {"text": "working"})
        for name, text in self._act.files.items():
            if text is None:
                (self._spec.workspace / name).unlink()
            else:
                (self._spec.workspace / name).write_text(text)
        (self._spec.home / "session").write_text("")
        if self._act.gate is not None:
            waiting = [asyncio.create_task(one.wait()) for one in (self._act.gate, self._cancelled)]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for one in waiting:
                one.cancel()
        if self._cancelled.is_set():
            self.result = RunResult(Verdict.CANCELLED, error="Cancelled.")
        yield AgentEvent(EventKind.EXITED, b"{}", {})

    async def cancel(self) -> None:
        self._cancelled.set()


class ScriptedRuntime:
    """Plays the acts of each agent in order; the last one again and again."""

    name = "scripted"
    needs: Literal["anthropic", "openai", "none", "any"] = "none"

    def __init__(self) -> None:
        self.acts: dict[str, list[Act]] = {}
        self.specs: list[RunSpec] = []
        self.seen: list[set[str]] = []  # the files that each run found

    async def probe(self) -> RuntimeStatus:
        return RuntimeStatus(True, "1")

    async def start(self, spec: RunSpec) -> ScriptedRun:
        self.specs.append(spec)
        self.seen.append({path.name for path in spec.workspace.iterdir()} - {".git"})
        acts = self.acts[spec.model]
        return ScriptedRun(spec, acts.pop(0) if len(acts) > 1 else acts[0])


class ScriptedInspector:
    """Fails the tests of trees that hold a file ``bad``."""

    async def inspect(
        self,
        inspection: Inspection,
        on_result: Callable[[CheckResult], Awaitable[None]] | None = None,
    ) -> SafetyReport:
        assert not (inspection.base / "bad").exists()
        assert all((inspection.tree / path).exists() for path in inspection.changed)
        outcome = Outcome.FAILED if (inspection.tree / "bad").exists() else Outcome.PASSED
        return SafetyReport(
            (CheckResult(Check.SYNTAX, Outcome.PASSED), CheckResult(Check.TESTS, outcome))
        )


class FileGates:
    """A small project's gates, decided by what its files hold.

    ``lint`` points out each line with ``BAD``, ``tests`` fails while there is a file ``broken``
    and writes into the tree like many a test suite; ``untested`` stands for no tests.
    ``tool``, if it is asked for, is missing.
    ``entered`` is set when gates run, and they go on when ``held`` is None or set.
    """

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.held: asyncio.Event | None = None
        self.trees: list[Tree] = []
        self.running = 0

    async def run(
        self, tree: Tree, request: GateRequest, on_gate: OnGate | None = None
    ) -> GateReport:
        if request.profile not in ("", "strict"):
            raise Invalid(f"There is no profile {request.profile}.", code="unknown_profile")
        self.trees.append(tree)
        (tree.root / "litter.txt").write_text("left by a test\n")
        self.entered.set()
        self.running += 1
        try:
            if self.held is not None:
                await self.held.wait()
        finally:
            self.running -= 1
        names = request.gates or ("lint", "tests")
        results = []
        for done, name in enumerate(names):
            result = _GATES[name](tree.root)
            results.append(result)
            if on_gate is not None:
                await on_gate(GateEvent(name, done, len(names)))
                await on_gate(GateEvent(name, done + 1, len(names), result))
        forgiven = tree.forgiving and not all(one.passed for one in results)
        if forgiven and (base := await tree.beginning()):
            results = list(mark_from(results, [_GATES[name](base) for name in names]))
        return GateReport(tuple(results), 0.1)


def _lint(root: Path) -> GateResult:
    findings = tuple(
        Finding("B001", f"BAD: {line}", path=path.name, line=number, fingerprint=line)
        for path in sorted(root.glob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "BAD" in line
    )
    verdict = QualityVerdict.FAILED if findings else QualityVerdict.PASSED
    return GateResult("lint", verdict, f"{len(findings)} findings", tool="l", findings=findings)


def _tests(root: Path) -> GateResult:
    if (root / "untested").exists():
        return GateResult("tests", QualityVerdict.NOT_APPLICABLE, "There are no tests.")
    failed = (root / "broken").exists()
    verdict = QualityVerdict.FAILED if failed else QualityVerdict.PASSED
    return GateResult("tests", verdict, "1 failed" if failed else "1 passed", output="E assert")


def _tool(_root: Path) -> GateResult:
    return GateResult("tool", QualityVerdict.MISSING_TOOL, "Install it.")


_GATES = {"lint": _lint, "tests": _tests, "tool": _tool}


class Stage:
    """The parts under test."""

    def __init__(
        self,
        platform: Platform,
        tasks: Tasks,
        agents: Any,
        runtime: ScriptedRuntime,
        gates: FileGates,
    ) -> None:
        self.platform, self.tasks, self.agents = platform, tasks, agents
        self.runtime, self.gates = runtime, gates
        self.orders = tasks.orders

    async def do(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self.platform.door.do(CTX, "test", work)

    async def register(
        self, agent_id: str, *acts: Act | RunResult, retries: int = 0, places: int = 5, **more: Any
    ) -> None:
        """An agent and what its runs come to. The earlier its name, the better its score."""
        self.runtime.acts[agent_id] = [
            act if isinstance(act, Act) else Act(act) for act in acts or (DONE,)
        ]
        new = NewAgent(
            agent_id,
            agent_id.upper(),
            "scripted",
            model=agent_id,
            constraints=Constraints(max_concurrent_tasks=places, **more.pop("limits", {})),
            config=AgentConfig(
                runtime="scripted", retry_policy=RetryPolicy(retries, 1.0), base_weight=1.0
            ),
            **more,
        )
        agent = await self.agents.service.draft(CTX, new)
        await self.do(lambda tx: self.agents.service.register(tx, CTX, agent))

    async def submit(self, **more: Any) -> Task:
        order = Order(TaskType.CODE_GENERATION, "Do it.", **more)
        task = await self.orders.draft(CTX, order)
        submitted: Task = await self.do(lambda tx: self.orders.submit(tx, CTX, task, order))
        return submitted

    async def task(self, task: Task) -> Task:
        return await self.tasks.service.get(CTX, task.id)

    async def record(self, task: Task) -> OrderRecord:
        return await self.orders.order(CTX, task.id)

    async def ended(self, task: Task) -> Task:
        found = await self.tasks.service.rested(CTX, task.id, PATIENCE)
        assert resting(found.status), f"{found} {await self.told(task)}"
        return found

    async def attempts(self, task: Task) -> Sequence[Attempt]:
        return (await self.orders.routing(CTX, task.id)).attempts

    async def told(self, task: Task) -> list[str]:
        """The names of what is in its stream, but for what agents print."""
        found = await self.platform.events.read(f"task:{task.id}")
        return [event.name for event in found if event.type not in ("stream", "cli")]

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not await condition():
            assert time.monotonic() < deadline, what
            await asyncio.sleep(0.02)

    async def until_parked(self, task: Task) -> None:
        async def parked() -> bool:
            return "parked" in await self.told(task)

        await self.until(parked, "it is parked")


@asynccontextmanager
async def staged(folder: Path, dsn: str = "", **more: Any) -> AsyncIterator[Stage]:
    """A stage whose engine runs."""
    settings = Settings(data=str(folder), database_url=dsn, allowed_roots=(str(folder),), **more)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate(dsn or f"sqlite:///{folder}/lemnos.db")
    platform = make_platform(settings)
    runtime = ScriptedRuntime()
    runtimes = RuntimeRegistry((runtime,))
    git = GitCli(folder / "mirrors", platform.guard)
    workspaces = WorkspaceService(
        platform.db,
        WorkspaceStore(platform.db),
        git,
        folder / "workspaces",
        settings.node,
        WorkspaceLimits(86_400, 1 << 40),
    )
    http = ForgeHttp(platform.guard)
    forges = ForgeRegistry(http, platform.guard, {})
    keys = KeyService(KeyStore(platform.db), platform.vault, forges)
    policy = GuardPolicy(platform.guard)
    agents = make_agents(settings, platform, runtimes)
    mcp = McpService(McpStore(platform.db), platform.vault, policy.check_mcp_server)
    inspector, gates = ScriptedInspector(), FileGates()
    near = Neighbours(
        git, workspaces, keys, mcp, agents, runtimes, forges, policy, inspector, gates
    )
    tasks = make_tasks(settings, platform, near)
    await platform.db.start()
    await platform.notifier.start()
    await platform.engine.start()
    try:
        yield Stage(platform, tasks, agents, runtime, gates)
    finally:
        await platform.engine.drain(0)
        await platform.notifier.stop()
        for close in (*agents.closing, http.close):
            await close()
        git.close()
        await platform.sender.close()
        await platform.db.stop()


def cheap(result: RunResult, cost: float) -> RunResult:
    """The result at another cost."""
    return replace(result, usage=replace(result.usage, cost_usd=cost))
