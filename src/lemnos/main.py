"""The composition root: settings, platform, domains, runners, adapters, and the APIs over them."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import lemnos
from lemnos.adapters.forges import ForgeHost, ForgeHttp, ForgeRegistry
from lemnos.adapters.git import GitCli
from lemnos.adapters.net import GuardedTransport, NetGuard
from lemnos.adapters.net.jwks import HttpJwks
from lemnos.adapters.net.policy import GuardPolicy
from lemnos.adapters.net.webhooks import HttpSender
from lemnos.api.app import DIALECTS, Application, direct, make_app
from lemnos.api.kit.core import Core
from lemnos.api.kit.gate import Gate, Guards
from lemnos.api.kit.readiness import Readiness
from lemnos.api.system import OPEN_PATHS
from lemnos.domains.agents.ports import Limits, ModelAccess
from lemnos.domains.agents.service import McpService
from lemnos.domains.agents.store import McpStore
from lemnos.domains.integrations.service import KeyService
from lemnos.domains.integrations.store import KeyStore
from lemnos.domains.tasks.changes import ChangesReader, DiffStore
from lemnos.domains.tasks.credentials import Credentials
from lemnos.domains.tasks.jobs import IterationJob
from lemnos.domains.tasks.pull_requests import PullRequestJob
from lemnos.domains.tasks.recording import Recorder
from lemnos.domains.tasks.runs import AgentRunner, RunOptions
from lemnos.domains.tasks.service import ITERATE, OPEN_PR, TaskService
from lemnos.domains.tasks.store import TaskStore
from lemnos.domains.workspaces.service import WorkspaceLimits, WorkspaceService
from lemnos.domains.workspaces.store import WorkspaceStore
from lemnos.engine import Handler, QueueLimits, Steps
from lemnos.engine.engine import DurableEngine
from lemnos.kernel.errors import LemnosError
from lemnos.platform.audit import AuditLog, Sealer
from lemnos.platform.db import Database
from lemnos.platform.db.connect import open_database
from lemnos.platform.events.hub import EventHub
from lemnos.platform.events.log import SqlEventLog
from lemnos.platform.events.notifier import Broadcast, Notifier
from lemnos.platform.execute import Door
from lemnos.platform.identity import (
    ApiKeys,
    Identity,
    OidcSettings,
    OidcVerifier,
    TokenIssuer,
    TokenSettings,
)
from lemnos.platform.ratelimit import TIERS, LeasedLimiter, Limiter, LocalLimiter, Tier
from lemnos.platform.secrets import Vault, decode_master_key, derive, load_or_create_master_key
from lemnos.platform.telemetry.log import Log
from lemnos.platform.telemetry.metrics import Metrics
from lemnos.platform.telemetry.tracing import Tracer, make_tracer
from lemnos.platform.webhooks.dispatcher import Dispatcher
from lemnos.platform.webhooks.service import WebhookService
from lemnos.platform.webhooks.store import DeliveryStore
from lemnos.runners.gateway import ModelGateway, Price, PriceTable
from lemnos.runners.runtimes.acp import AcpAgent, AcpRuntime
from lemnos.runners.runtimes.builtin import BuiltinAgent
from lemnos.runners.runtimes.claude_code import ClaudeCode
from lemnos.runners.runtimes.codex import Codex
from lemnos.runners.runtimes.host import Host
from lemnos.runners.runtimes.registry import RuntimeRegistry
from lemnos.runners.sandbox import choose_sandbox
from lemnos.settings import Settings

TENANT = "default"  # the tenant of a server that has only one
_AGENTS, _PULL_REQUESTS = "agents", "pull-requests"


@dataclass(frozen=True, slots=True)
class Platform:
    """What the domains stand on, put together."""

    db: Database
    vault: Vault
    master_key: bytes
    audit: AuditLog
    sealer: Sealer
    door: Door
    notifier: Notifier
    events: SqlEventLog
    hub: EventHub
    identity: Identity
    api_keys: ApiKeys
    limiter: Limiter | None
    webhooks: WebhookService
    dispatcher: Dispatcher
    sender: HttpSender
    engine: DurableEngine
    guard: NetGuard
    metrics: Metrics
    log: Log
    tracer: Tracer


@dataclass(frozen=True, slots=True)
class Server:
    """One server: its parts, the application, and what to call on the way up and down."""

    settings: Settings
    platform: Platform
    core: Core
    app: Application
    gate: Gate
    runner: AgentRunner
    closing: tuple[Callable[[], Awaitable[None] | None], ...]


def build(settings: Settings) -> Server:
    """Put a server together. Nothing is opened or started yet; only folders and keys are made."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    platform = make_platform(settings)
    git = GitCli(settings.data_dir / "mirrors", platform.guard)
    gateway = _gateway(settings, platform.guard)
    runtimes = make_runtimes(settings, gateway)
    forge_http = ForgeHttp(platform.guard)
    forges = ForgeRegistry(forge_http, platform.guard, _forge_hosts(settings))
    policy = GuardPolicy(platform.guard)

    keys = KeyService(KeyStore(platform.db), platform.vault, forges)
    mcp = McpService(McpStore(platform.db), platform.vault, policy.check_mcp_server)
    workspaces = _workspaces(settings, platform, git)
    store, diffs = TaskStore(platform.db), DiffStore(platform.db)
    recorder = Recorder(store, platform.events, platform.webhooks, callback_secret(settings))
    runner = AgentRunner(
        platform.db, store, platform.events, recorder, runtimes, mcp, _run_options(settings)
    )
    tasks = TaskService(
        store,
        platform.events,
        platform.engine,
        recorder,
        keys,
        runtimes,
        policy,
        platform.vault,
        settings.max_timeout,
        runner.stop,
    )
    credentials = Credentials(keys, tasks.secrets)
    iterate = IterationJob(
        platform.db, store, recorder, workspaces, git, runner, credentials, diffs
    )
    open_pr = PullRequestJob(platform.db, store, recorder, workspaces, git, forges, credentials)
    trace = platform.tracer
    platform.engine.register(
        ITERATE, _traced(trace, ITERATE, iterate), queue=_AGENTS, on_failed=iterate.failed
    )
    platform.engine.register(
        OPEN_PR, _traced(trace, OPEN_PR, open_pr), queue=_PULL_REQUESTS, on_failed=open_pr.failed
    )

    core = Core(
        settings=settings,
        door=platform.door,
        identity=platform.identity,
        api_keys=platform.api_keys,
        hub=platform.hub,
        metrics=platform.metrics,
        readiness=Readiness(),
        runtimes=runtimes,
        tasks=tasks,
        changes=ChangesReader(diffs, workspaces, git),
        keys=keys,
        mcp=mcp,
        workspaces=workspaces,
        webhooks=platform.webhooks,
    )
    app = make_app(core)
    gate = Gate(direct(app), _guards(settings, platform, core))
    closing = (forge_http.close, gateway.close, git.close, platform.sender.close)
    return Server(settings, platform, core, app, gate, runner, closing)


def make_platform(settings: Settings, *, exclusive: bool = True) -> Platform:
    """Everything below the domains. ``exclusive``: be the one server on a SQLite database."""
    master_key = _master_key(settings)
    vault = Vault(master_key)
    db = open_database(database_url(settings), exclusive=exclusive)
    audit = AuditLog(db)
    door = Door(db, audit, vault)
    notifier = Notifier(_broadcast(settings, db))
    events = SqlEventLog(db, notifier)
    identity = _identity(settings, db, master_key)
    guard = NetGuard(
        settings.allowed_hosts,
        settings.roots,
        denied_roots=(settings.data_dir / "workspaces", settings.data_dir / "mirrors"),
    )
    deliveries = DeliveryStore(db)
    webhooks = WebhookService(deliveries, vault)
    sender = HttpSender(guard)
    dispatcher = Dispatcher(db, deliveries, vault, sender)
    webhooks.wake = dispatcher.wake
    return Platform(
        db=db,
        vault=vault,
        master_key=master_key,
        audit=audit,
        sealer=Sealer(db, audit),
        door=door,
        notifier=notifier,
        events=events,
        hub=EventHub(events, notifier),
        identity=identity,
        api_keys=ApiKeys(db, door, identity.forget_key),
        limiter=_limiter(settings, db),
        webhooks=webhooks,
        dispatcher=dispatcher,
        sender=sender,
        engine=_engine(settings, db),
        guard=guard,
        metrics=Metrics(),
        log=Log(settings.log_level),
        tracer=make_tracer(settings.otlp_endpoint, lemnos.__version__),
    )


def database_url(settings: Settings) -> str:
    """The database in use."""
    return settings.database_url or f"sqlite:///{settings.data_dir / 'lemnos.db'}"


def callback_secret(settings: Settings) -> bytes:
    """The key that signs task callbacks, as ``lemnos config get callback.secret`` shows it."""
    if settings.callback_secret:
        return settings.callback_secret.encode()
    made = base64.b64encode(derive(_master_key(settings), "callbacks"))
    return b"whsec_" + made


def _master_key(settings: Settings) -> bytes:
    if settings.master_key:
        return decode_master_key(settings.master_key)
    return load_or_create_master_key(settings.data_dir / "master.key")


def _broadcast(settings: Settings, db: Database) -> Broadcast | None:
    if settings.redis_url:
        from lemnos.platform.events.redis_wake import RedisBroadcast

        return RedisBroadcast(settings.redis_url)
    if db.dialect == "postgresql":
        from lemnos.platform.db.postgres import PostgresDatabase
        from lemnos.platform.events.postgres_wake import PostgresBroadcast

        return PostgresBroadcast(db) if isinstance(db, PostgresDatabase) else None
    return None


def _identity(settings: Settings, db: Database, master_key: bytes) -> Identity:
    issuer = TokenIssuer(TokenSettings(derive(master_key, "jwt")))
    if not settings.oidc_issuer:
        return Identity(db, issuer)
    trusted = OidcSettings(
        settings.oidc_issuer,
        settings.oidc_audience,
        tenant_claim=settings.oidc_tenant_claim,
        roles_claim=settings.oidc_roles_claim,
    )
    return Identity(db, issuer, (OidcVerifier(trusted, HttpJwks(settings.oidc_issuer)),))


def _limiter(settings: Settings, db: Database) -> Limiter | None:
    if settings.rate_limits == "off":
        return None
    tiers = TIERS | {name: Tier(name, *said) for name, said in settings.rate_tiers.items()}
    if settings.redis_url:
        from redis.asyncio import Redis

        from lemnos.platform.ratelimit.valkey import ValkeyLeases

        return LeasedLimiter(ValkeyLeases(Redis.from_url(settings.redis_url)), tiers)
    if db.dialect == "postgresql":
        from lemnos.platform.ratelimit.database import DatabaseLeases

        return LeasedLimiter(DatabaseLeases(db), tiers)
    return LocalLimiter(tiers)


def _engine(settings: Settings, db: Database) -> DurableEngine:
    records = settings.database_url or f"sqlite:///{settings.data_dir / 'engine.db'}"
    queues = (
        QueueLimits("default", 16),
        QueueLimits(_AGENTS, settings.max_agents),
        QueueLimits(_PULL_REQUESTS, 4),
    )
    return DurableEngine(db, records=records, node=settings.node, queues=queues)


def _traced(tracer: Tracer, kind: str, handler: Handler) -> Handler:
    """The handler in a span of the trace in which its job was asked for."""

    async def traced(steps: Steps) -> None:
        with tracer.span(kind, steps.job.payload.get("trace_id", ""), job=steps.job.id):
            await handler(steps)

    return traced


def _workspaces(settings: Settings, platform: Platform, git: GitCli) -> WorkspaceService:
    root = settings.data_dir / "workspaces"
    root.mkdir(mode=0o700, exist_ok=True)
    limits = WorkspaceLimits(settings.workspace_ttl, settings.workspace_disk, settings.mirror_ttl)
    store = WorkspaceStore(platform.db)
    return WorkspaceService(platform.db, store, git, root, settings.node, limits)


def make_runtimes(settings: Settings, gateway: ModelGateway) -> RuntimeRegistry:
    """The runtimes that this machine may have; `lemnos doctor` probes the same ones."""
    folders = tuple(Path(path).expanduser().resolve() for path in settings.agent_paths)
    programs = tuple(path / "bin" if (path / "bin").is_dir() else path for path in folders)
    host = Host(choose_sandbox(settings.sandbox), gateway, folders, programs)
    tools = (Path(settings.tools),) if settings.tools else ()
    agents = [
        AcpRuntime(host, AcpAgent(name, tuple(command)))
        for name, command in settings.acp_agents.items()
    ]
    return RuntimeRegistry(
        (
            ClaudeCode(host, settings.claude_path, tools),
            Codex(host, settings.codex_path, tools),
            BuiltinAgent(host),
            *agents,
        ),
        settings.default_runtime,
    )


def _gateway(settings: Settings, guard: NetGuard) -> ModelGateway:
    def price(said: tuple[float, float]) -> Price:
        return Price.openai(*said, cached=said[0])

    own = {model: price(said) for model, said in settings.prices.items() if model != "*"}
    default = price(settings.prices["*"]) if "*" in settings.prices else None

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        try:
            return await guard.resolve(host, port)
        except LemnosError as error:
            raise PermissionError(error.message) from error

    transport = GuardedTransport(_guard_of_models(settings))
    return ModelGateway(PriceTable(own, default), transport=transport, resolve=resolve)


def _accesses(settings: Settings) -> dict[str, ModelAccess]:
    return {
        "anthropic": ModelAccess(
            "anthropic", settings.anthropic_base_url, settings.anthropic_api_key
        ),
        "openai": ModelAccess("openai", settings.openai_base_url, settings.openai_api_key),
    }


def _run_options(settings: Settings) -> RunOptions:
    limits = Limits(
        memory=settings.agent_memory,
        processes=settings.agent_processes,
        disk=settings.workspace_max,
    )
    return RunOptions(settings.node, _accesses(settings), limits, settings.agent_hosts)


def _guard_of_models(settings: Settings) -> NetGuard:
    """Model endpoints are the operator's choice, so a private one is allowed by being named."""
    urls = (settings.anthropic_base_url, settings.openai_base_url)
    named = tuple(urlsplit(url).netloc for url in urls)
    return NetGuard((*settings.allowed_hosts, *named), ())


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
        tracer=platform.tracer,
        readiness=core.readiness,
        open_paths=OPEN_PATHS,
        body_limit=settings.body_limit,
        log_requests=settings.log_requests == "on",
    )
