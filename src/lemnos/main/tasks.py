"""Tasks, put together: use cases, the jobs that carry them out, and routing by orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lemnos.domains.agents.ports import Runtimes
from lemnos.domains.integrations.ports import Forges
from lemnos.domains.integrations.service import KeyService
from lemnos.domains.mcp.service import McpService
from lemnos.domains.quality.ports import Gates, Inspector
from lemnos.domains.tasks.bench import Bench
from lemnos.domains.tasks.changes import ChangesReader, DiffStore
from lemnos.domains.tasks.credentials import Credentials
from lemnos.domains.tasks.direct import DirectRuns
from lemnos.domains.tasks.gatekeeping import Gatekeeper
from lemnos.domains.tasks.jobs import IterationJob
from lemnos.domains.tasks.places import WorkspacePlaces
from lemnos.domains.tasks.ports import AddressPolicy
from lemnos.domains.tasks.pull_requests import PullRequestJob
from lemnos.domains.tasks.recording import Recorder
from lemnos.domains.tasks.repairing import Repairer
from lemnos.domains.tasks.routing.announcements import TaskAnnouncements
from lemnos.domains.tasks.routing.attempts import Attempts
from lemnos.domains.tasks.routing.drafting import Drafter
from lemnos.domains.tasks.routing.fanout import JudgeJob, Rests
from lemnos.domains.tasks.routing.following import Follower
from lemnos.domains.tasks.routing.history import History
from lemnos.domains.tasks.routing.jobs import RoutedJob
from lemnos.domains.tasks.routing.listing import TaskPages
from lemnos.domains.tasks.routing.parking import LOOK_EVERY, Parking
from lemnos.domains.tasks.routing.service import OrderService
from lemnos.domains.tasks.routing.store import OrderStore
from lemnos.domains.tasks.runs import AgentRunner
from lemnos.domains.tasks.service import TaskService
from lemnos.domains.tasks.store import TaskStore
from lemnos.domains.tasks.work import ITERATE, JUDGE, OPEN_PR, ROUTE
from lemnos.domains.workspaces.ports import Git
from lemnos.domains.workspaces.service import WorkspaceService
from lemnos.engine import Handler, OnFailed, Steps
from lemnos.foundation import AGENTS, PULL_REQUESTS, Platform, callback_secret
from lemnos.main.agents import Agents
from lemnos.main.runners import run_options
from lemnos.platform.telemetry.tracing import Tracer
from lemnos.settings import Settings


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What tasks work with, of other domains and from below."""

    git: Git
    workspaces: WorkspaceService
    keys: KeyService
    mcp: McpService
    agents: Agents
    runtimes: Runtimes
    forges: Forges
    policy: AddressPolicy
    inspector: Inspector
    gates: Gates


@dataclass(frozen=True, slots=True)
class Tasks:
    """What the domain offers, what others work with, and its periodic work."""

    service: TaskService
    orders: OrderService
    changes: ChangesReader
    runner: AgentRunner
    recorder: Recorder
    bench: Bench
    diffs: DiffStore
    places: WorkspacePlaces
    upkeep: tuple[tuple[float, Callable[[], Awaitable[object]]], ...]


def make_tasks(settings: Settings, platform: Platform, near: Neighbours) -> Tasks:
    """Use cases and jobs; the jobs are registered with the engine."""
    db, engine, events = platform.db, platform.engine, platform.events
    store, orders, diffs = TaskStore(db), OrderStore(db), DiffStore(db)
    registry, router = near.agents.service, near.agents.router
    parking = Parking(db, orders, engine, router)
    router.on_room = parking.on_room
    recorder = Recorder(
        store,
        near.workspaces,
        events,
        platform.webhooks,
        TaskAnnouncements(platform.announcer),
        callback_secret(settings),
    )
    runner = AgentRunner(
        db, store, events, recorder, near.runtimes, near.mcp, run_options(settings)
    )
    service = TaskService(
        store,
        parking,
        events,
        engine,
        recorder,
        near.keys,
        near.runtimes,
        near.policy,
        platform.vault,
        settings.max_timeout,
        runner.stop,
    )
    credentials = Credentials(near.keys, service.secrets)
    bench = Bench(db, store, recorder, near.workspaces, near.git, credentials)
    recorder.on_rested.append(Rests(bench, orders, parking, router, engine))
    history = History(db)
    repairer = Repairer(bench, runner, Gatekeeper(bench, near.gates))
    attempts = Attempts(
        bench, orders, parking, registry, router, near.runtimes, runner, repairer, history
    )
    jobs = _Jobs(platform)
    runs = DirectRuns(bench, runner, repairer, near.runtimes)
    iterate = IterationJob(bench, runner, runs, diffs)
    jobs.add(ITERATE, iterate, AGENTS, iterate.failed)
    route = RoutedJob(bench, orders, parking, router, attempts, diffs, settings.route_patience)
    jobs.add(ROUTE, route, AGENTS, route.failed)
    judge = JudgeJob(bench, orders, registry, near.inspector, diffs)
    jobs.add(JUDGE, judge, AGENTS, judge.failed)
    open_pr = PullRequestJob(bench, near.forges)
    jobs.add(OPEN_PR, open_pr, PULL_REQUESTS, open_pr.failed)
    return Tasks(
        service=service,
        orders=OrderService(
            service,
            store,
            orders,
            TaskPages(db),
            diffs,
            recorder,
            engine,
            Drafter(router, near.keys, near.policy, settings.max_timeout),
            Follower(store, orders, events, engine, registry, history, settings.max_agents),
            registry,
            router,
        ),
        changes=ChangesReader(diffs, near.workspaces, near.git),
        runner=runner,
        recorder=recorder,
        bench=bench,
        diffs=diffs,
        places=WorkspacePlaces(store, near.workspaces),
        upkeep=((LOOK_EVERY, parking.look),),
    )


class _Jobs:
    """Registers jobs, each in a span of the trace in which it was asked for."""

    def __init__(self, platform: Platform) -> None:
        self._engine = platform.engine
        self._tracer = platform.tracer

    def add(self, kind: str, handler: Handler, queue: str, failed: OnFailed) -> None:
        self._engine.register(
            kind, traced(self._tracer, kind, handler), queue=queue, on_failed=failed
        )


def traced(tracer: Tracer, kind: str, handler: Handler) -> Handler:
    """The handler in a span of the trace in which its job was asked for."""

    async def handle(steps: Steps) -> None:
        with tracer.span(kind, steps.job.payload.get("trace_id", ""), job=steps.job.id):
            await handler(steps)

    return handle
