"""Putting a server together: platform, domains, runners, adapters, and the APIs over them."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from lemnos.adapters.forges import ForgeHost, ForgeHttp, ForgeRegistry
from lemnos.adapters.git import GitCli
from lemnos.adapters.net.policy import GuardPolicy
from lemnos.api.app import DIALECTS, OPEN_PATHS, Application, direct, make_app
from lemnos.api.kit.core import Core
from lemnos.api.kit.gate import Gate, Guards
from lemnos.api.kit.readiness import Readiness
from lemnos.api.kit.system_view import SystemView
from lemnos.domains.analysis.service import ANALYSE
from lemnos.domains.integrations.service import KeyService
from lemnos.domains.integrations.store import KeyStore
from lemnos.domains.mcp.service import McpService
from lemnos.domains.mcp.store import McpStore
from lemnos.domains.quality.service import GuardRailsService
from lemnos.domains.tasks.recording import Recorder
from lemnos.domains.tasks.runs import AgentRunner
from lemnos.domains.workspaces.service import WorkspaceLimits, WorkspaceService
from lemnos.domains.workspaces.store import WorkspaceStore
from lemnos.engine.backlog import read_backlog
from lemnos.foundation import (
    AGENTS,
    ANALYSES,
    TENANT,
    Platform,
    make_platform,
)
from lemnos.main.agents import make_agents
from lemnos.main.analysis import make_analyses
from lemnos.main.analytics import make_analytics
from lemnos.main.cleanup import make_cleanup
from lemnos.main.ground import make_ground
from lemnos.main.host import make_gateway, make_host
from lemnos.main.operations import make_operations
from lemnos.main.places import make_places
from lemnos.main.quality import make_gates
from lemnos.main.refactoring import make_refactorings
from lemnos.main.runners import make_inspector, make_runtimes
from lemnos.main.tasks import Neighbours, make_tasks, traced
from lemnos.main.webhooks import make_endpoints
from lemnos.settings import Settings

_SWEEP = 300.0  # seconds between two looks for workspaces that have expired
_HOURLY = 3600.0


@dataclass(frozen=True, slots=True)
class Server:
    """One server: its parts, the application, and what to call while it lives and at its end.

    ``upkeep`` is work to do every so many seconds.
    """

    settings: Settings
    platform: Platform
    core: Core
    app: Application
    gate: Gate
    runner: AgentRunner
    recorder: Recorder
    upkeep: tuple[tuple[float, Callable[[], Awaitable[object]]], ...]
    closing: tuple[Callable[[], Awaitable[None] | None], ...]


def build(settings: Settings) -> Server:
    """Put a server together. Nothing is opened or started yet; only folders and keys are made."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _keep_private(settings)
    platform = make_platform(settings)
    git = GitCli(settings.data_dir / "mirrors", platform.guard)
    gateway = make_gateway(settings, platform.guard)
    ground = make_ground(settings)
    host = make_host(ground, gateway)
    runtimes = make_runtimes(settings, gateway, host)
    inspector = make_inspector(host)
    gates = make_gates(settings, ground)
    forge_http = ForgeHttp(platform.guard)
    forges = ForgeRegistry(forge_http, platform.guard, _forge_hosts(settings))
    policy = GuardPolicy(platform.guard)
    agents = make_agents(settings, platform, runtimes)

    keys = KeyService(KeyStore(platform.db), platform.vault, forges)
    analyses = make_analyses(settings, platform, keys)
    mcp = McpService(McpStore(platform.db), platform.vault, policy.check_mcp_server)
    workspaces = _workspaces(settings, platform, git)
    tasks = make_tasks(
        settings,
        platform,
        Neighbours(
            git=git,
            workspaces=workspaces,
            keys=keys,
            mcp=mcp,
            agents=agents,
            runtimes=runtimes,
            forges=forges,
            policy=policy,
            inspector=inspector,
            gates=gates,
        ),
    )
    analyse = analyses.job
    platform.engine.register(
        ANALYSE, traced(platform.tracer, ANALYSE, analyse), queue=ANALYSES, on_failed=analyse.failed
    )
    refactorings = make_refactorings(settings, platform, tasks, analyses.service, keys, inspector)

    operations, places = make_operations(platform), make_places(settings)
    guard_rails = GuardRailsService(operations, places, tasks.places, gates)
    analytics = make_analytics(platform, analyses, tasks, places)
    guard_rails.on_coverage = analytics.service.keep_coverage
    cleanup = make_cleanup(settings, operations, places, tasks.places)

    readiness = Readiness()
    core = Core(
        settings=settings,
        door=platform.door,
        identity=platform.identity,
        api_keys=platform.api_keys,
        hub=platform.hub,
        metrics=platform.metrics,
        readiness=readiness,
        system=SystemView(
            agents.service,
            agents.router,
            platform.metrics,
            readiness,
            partial(read_backlog, platform.db, queue=AGENTS),
            TENANT,
        ),
        runtimes=runtimes,
        agents=agents.service,
        router=agents.router,
        tasks=tasks.service,
        orders=tasks.orders,
        changes=tasks.changes,
        keys=keys,
        mcp=mcp,
        workspaces=workspaces,
        webhooks=platform.webhooks,
        endpoints=make_endpoints(platform),
        analyses=analyses.service,
        refactorings=refactorings,
        operations=operations,
        guard_rails=guard_rails,
        cleanup=cleanup,
        analytics=analytics.service,
    )
    app = make_app(core)
    gate = Gate(direct(app), _guards(settings, platform, core))
    upkeep = (
        (_SWEEP, workspaces.sweep),
        (_HOURLY, platform.door.prune),
        (_HOURLY, platform.dispatcher.prune),
        *agents.upkeep,
        *tasks.upkeep,
        *analyses.upkeep,
    )
    closing = (
        *agents.closing,
        *analyses.closing,
        *analytics.closing,
        forge_http.close,
        gates.close,
        gateway.close,
        git.close,
        platform.sender.close,
    )
    return Server(
        settings, platform, core, app, gate, tasks.runner, tasks.recorder, upkeep, closing
    )


def _keep_private(settings: Settings) -> None:
    """Make the databases their owner's alone: they hold prompts, code and what agents said.

    SQLite lets everyone read what it makes, and so may a data folder that was there before.
    """
    if not settings.database_url:
        for name in ("lemnos.db", "engine.db"):
            os.close(os.open(settings.data_dir / name, os.O_RDWR | os.O_CREAT, 0o600))


def _workspaces(settings: Settings, platform: Platform, git: GitCli) -> WorkspaceService:
    root = settings.data_dir / "workspaces"
    root.mkdir(mode=0o700, exist_ok=True)
    limits = WorkspaceLimits(settings.workspace_ttl, settings.workspace_disk, settings.mirror_ttl)
    store = WorkspaceStore(platform.db)
    return WorkspaceService(platform.db, store, git, root, settings.node, limits)


def _forge_hosts(settings: Settings) -> dict[str, ForgeHost]:
    return {host: ForgeHost(*said.split(maxsplit=1)) for host, said in settings.forges.items()}


def _guards(settings: Settings, platform: Platform, core: Core) -> Guards:
    return Guards(
        identity=platform.identity,
        limiter=platform.limiter,
        audit=platform.audit,
        dialects=DIALECTS,
        metrics=platform.metrics,
        log=platform.log,
        tracer=platform.tracer if settings.otlp_endpoint else None,
        readiness=core.readiness,
        open_paths=OPEN_PATHS,
        body_limit=settings.body_limit,
        log_requests=settings.log_requests == "on",
    )
