"""What the domains stand on, put together from the settings."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import lemnos
from lemnos.adapters.net import NetGuard
from lemnos.adapters.net.jwks import HttpJwks
from lemnos.adapters.net.webhooks import HttpSender
from lemnos.engine import QueueLimits
from lemnos.engine.engine import DurableEngine
from lemnos.kernel.errors import Invalid
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
    SharedSecretVerifier,
    TokenIssuer,
    TokenSettings,
    TokenVerifier,
)
from lemnos.platform.ratelimit import ORCHEX, TIERS, LeasedLimiter, Limiter, LocalLimiter, Tier
from lemnos.platform.secrets import Vault, decode_master_key, derive, load_or_create_master_key
from lemnos.platform.telemetry.log import Log
from lemnos.platform.telemetry.metrics import Metrics
from lemnos.platform.telemetry.tracing import Tracer, make_tracer
from lemnos.platform.webhooks.announcer import EndpointAnnouncer
from lemnos.platform.webhooks.destinations import Destinations
from lemnos.platform.webhooks.dispatcher import Dispatcher
from lemnos.platform.webhooks.endpoint_store import EndpointStore
from lemnos.platform.webhooks.service import WebhookService
from lemnos.platform.webhooks.store import DeliveryStore
from lemnos.settings import Settings

if TYPE_CHECKING:
    from lemnos.platform.ratelimit.database import DatabaseLeases

_SHORTEST_SECRET = 32  # bytes
TENANT = "default"  # the tenant of a server that has only one
# Queues of the engine
AGENTS, ANALYSES, PULL_REQUESTS, GATES = "agents", "analyses", "pull-requests", "gates"


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
    leases: DatabaseLeases | None  # what limiters share where there is no Redis; to be pruned
    webhooks: WebhookService
    announcer: EndpointAnnouncer
    dispatcher: Dispatcher
    sender: HttpSender
    engine: DurableEngine
    guard: NetGuard
    metrics: Metrics
    log: Log
    tracer: Tracer


def make_platform(settings: Settings, *, exclusive: bool = True) -> Platform:
    """Everything below the domains. ``exclusive``: be the one server on a SQLite database."""
    master_key = _master_key(settings)
    vault = Vault(master_key)
    db = open_database(
        database_url(settings), exclusive=exclusive, synchronous=settings.sqlite_synchronous
    )
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
    deliveries, endpoints = DeliveryStore(db), EndpointStore(db)
    webhooks = WebhookService(deliveries, vault)
    announcer = EndpointAnnouncer(endpoints, deliveries, notifier)
    sender = HttpSender(guard)
    dispatcher = Dispatcher(db, deliveries, Destinations(endpoints, vault), sender)
    webhooks.wake = announcer.wake = dispatcher.wake
    leases = _leases(settings, db)
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
        limiter=_limiter(settings, leases),
        leases=leases,
        webhooks=webhooks,
        announcer=announcer,
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


def token_issuer(settings: Settings) -> TokenIssuer:
    """What issues this server's own JWTs."""
    return _token_issuer(_master_key(settings))


def _token_issuer(master_key: bytes) -> TokenIssuer:
    return TokenIssuer(TokenSettings(derive(master_key, "jwt")))


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
    verifiers: list[TokenVerifier] = []
    if settings.oidc_issuer:
        trusted = OidcSettings(
            settings.oidc_issuer,
            settings.oidc_audience,
            tenant_claim=settings.oidc_tenant_claim,
            roles_claim=settings.oidc_roles_claim,
        )
        verifiers.append(OidcVerifier(trusted, HttpJwks(settings.oidc_issuer)))
    if settings.jwt_secret:
        verifiers.append(SharedSecretVerifier(_shared_secret(settings), TENANT))
    return Identity(db, _token_issuer(master_key), verifiers)


def _shared_secret(settings: Settings) -> bytes:
    """The key of tokens signed elsewhere: as long as HS256 demands (RFC 7518, section 3.2)."""
    secret = settings.jwt_secret.encode()
    if len(secret) < _SHORTEST_SECRET:
        message = f"jwt_secret must have at least {_SHORTEST_SECRET} bytes."
        raise Invalid(message, code="invalid_settings")
    return secret


def _leases(settings: Settings, db: Database) -> DatabaseLeases | None:
    if settings.rate_limits == "off" or settings.redis_url or db.dialect != "postgresql":
        return None
    from lemnos.platform.ratelimit.database import DatabaseLeases

    return DatabaseLeases(db)


def _limiter(settings: Settings, leases: DatabaseLeases | None) -> Limiter | None:
    if settings.rate_limits == "off":
        return None
    own = {name: Tier(name, *said) for name, said in settings.rate_tiers.items()}
    tiers = TIERS | ORCHEX.tiers | own
    if settings.redis_url:
        from redis.asyncio import Redis

        from lemnos.platform.ratelimit.valkey import ValkeyLeases

        return LeasedLimiter(ValkeyLeases(Redis.from_url(settings.redis_url)), tiers)
    return LocalLimiter(tiers) if leases is None else LeasedLimiter(leases, tiers)


def _engine(settings: Settings, db: Database) -> DurableEngine:
    records = settings.database_url or f"sqlite:///{settings.data_dir / 'engine.db'}"
    queues = (
        QueueLimits("default", 16),
        QueueLimits(AGENTS, settings.max_agents),
        QueueLimits(PULL_REQUESTS, 4),
        QueueLimits(ANALYSES, 2),
        QueueLimits(GATES, settings.max_gate_runs),
    )
    return DurableEngine(
        db,
        records=records,
        node=settings.node,
        queues=queues,
        patience=settings.node_patience,
    )
