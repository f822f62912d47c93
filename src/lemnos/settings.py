"""The one frozen settings object: defaults, then a file, then ``LEMNOS_*``, then flags.

``lemnos config list`` prints this table with the values in force and where each came from;
docs/configuration.md is made from it.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from lemnos.kernel.errors import Invalid

PREFIX = "LEMNOS_"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an operator can set. Times in seconds, sizes in bytes, money in US dollars."""

    data: Annotated[str, Meta(description="Folder for database, workspaces, mirrors and keys.")] = (
        ""
    )
    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port to listen on; 0 picks a free one.", ge=0)] = 8000
    public_url: Annotated[
        str, Meta(description="URL under which clients reach this server, for links.")
    ] = ""
    database_url: Annotated[
        str, Meta(description="postgresql://… ; empty means SQLite in the data folder.")
    ] = ""
    redis_url: Annotated[
        str, Meta(description="redis://… shared by nodes for limits and wake-ups; optional.")
    ] = ""
    node: Annotated[
        str, Meta(description="Stable name of this node; needed with several nodes.")
    ] = "local"
    node_patience: Annotated[
        float,
        Meta(description="Seconds of silence after which others take a node for dead.", ge=1),
    ] = 30.0
    sqlite_synchronous: Annotated[
        Literal["FULL", "NORMAL"], Meta(description="SQLite durability of each commit.")
    ] = "FULL"
    allowed_roots: Annotated[
        tuple[str, ...],
        Meta(description="Folders whose repositories callers may name (paths and file://)."),
    ] = ()
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(description="Private hosts that repositories and callbacks may name, host[:port]."),
    ] = ()
    rate_limits: Annotated[
        Literal["on", "off"], Meta(description="off only for tests and benchmarks.")
    ] = "on"
    rate_tiers: Annotated[
        dict[str, tuple[int, float, int]],
        Meta(description="Limits other than the built-in: tier to [requests, seconds, burst]."),
    ] = {}
    master_key: Annotated[
        str, Meta(description="Base64 of 32 bytes that seal secrets; else a file in data.")
    ] = ""
    callback_secret: Annotated[
        str, Meta(description="HMAC key of task callbacks; empty: made at first start.")
    ] = ""
    sandbox: Annotated[
        Literal["auto", "required", "off"],
        Meta(description="auto uses bubblewrap where it works; required refuses without it."),
    ] = "auto"
    default_runtime: Annotated[
        str, Meta(description="claude-code, codex, acp:<name>, builtin; empty: chosen.")
    ] = ""
    acp_agents: Annotated[
        dict[str, list[str]], Meta(description="ACP agents by name: command and arguments.")
    ] = {}
    claude_path: Annotated[str, Meta(description="Path of the Claude Code CLI; else found.")] = ""
    codex_path: Annotated[str, Meta(description="Path of the Codex CLI; else found.")] = ""
    anthropic_api_key: Annotated[
        str, Meta(description="Default credential for Anthropic models (or ANTHROPIC_API_KEY).")
    ] = ""
    anthropic_base_url: Annotated[str, Meta(description="Anthropic-compatible endpoint.")] = (
        "https://api.anthropic.com"
    )
    openai_api_key: Annotated[
        str, Meta(description="Default credential for OpenAI models (or OPENAI_API_KEY).")
    ] = ""
    openai_base_url: Annotated[str, Meta(description="OpenAI-compatible endpoint.")] = (
        "https://api.openai.com/v1"
    )
    prices: Annotated[
        dict[str, tuple[float, float]],
        Meta(
            description='Model to US dollars per million [input, output] tokens; "*" for the rest.'
        ),
    ] = {}
    agent_paths: Annotated[
        tuple[str, ...],
        Meta(description="Folders that agents may read and run programs from (Node, MCP servers)."),
    ] = ()
    agent_hosts: Annotated[
        tuple[str, ...], Meta(description="Hosts that agents may reach beside their model.")
    ] = ()
    forges: Annotated[
        dict[str, str],
        Meta(
            description="Self-hosted git hosts: host[:port] to github, gitlab or gitea; "
            "after a blank the API's root if it is not the usual one."
        ),
    ] = {}
    tools: Annotated[
        str, Meta(description="Folder with node_modules in which agent CLIs are found.")
    ] = ""
    max_agents: Annotated[
        int, Meta(description="Agents at once on this node; 0 leaves them to others.", ge=0, le=256)
    ] = 4
    routing: Annotated[
        Literal["best_score", "least_loaded", "weighted"],
        Meta(description="How the first agent for a routed task is chosen among the fitting."),
    ] = "best_score"
    route_patience: Annotated[
        int,
        Meta(description="A routed task waits so long for agents that are all away.", ge=1),
    ] = 3600
    max_timeout: Annotated[
        int, Meta(description="Longest timeout_seconds that a task may ask for.", ge=1)
    ] = 1800
    agent_memory: Annotated[int, Meta(description="Memory of one agent's sandbox.", ge=1)] = (
        4 * 1024**3
    )
    agent_processes: Annotated[int, Meta(description="Processes in one agent's sandbox.", ge=1)] = (
        512
    )
    workspace_ttl: Annotated[
        int, Meta(description="A workspace expires this long after its last use.", ge=1)
    ] = 86_400
    mirror_ttl: Annotated[
        int, Meta(description="A repository's mirror goes this long after its last use.", ge=1)
    ] = 604_800
    workspace_max: Annotated[int, Meta(description="Largest size of one workspace.", ge=1)] = (
        5 * 1024**3
    )
    workspace_disk: Annotated[
        int, Meta(description="All workspaces together; the oldest idle ones go first.", ge=1)
    ] = 50 * 1024**3
    body_limit: Annotated[int, Meta(description="Largest request body.", ge=1024)] = 4 * 1024**2
    stream_idle: Annotated[
        int, Meta(description="A task stream ends after this long without an event.", ge=1)
    ] = 600
    drain: Annotated[int, Meta(description="Time for running work to end at shutdown.", ge=0)] = 20
    workspace: Annotated[
        str,
        Meta(description="Folder that gates and rankings are for when a call names none."),
    ] = ""
    max_gate_runs: Annotated[
        int, Meta(description="Runs of gates at once on this node.", ge=1, le=64)
    ] = 2
    gate_timeout: Annotated[int, Meta(description="Longest time that one gate may take.", ge=1)] = (
        1800
    )
    audit_url: Annotated[
        str, Meta(description="Vulnerability database (OSV API) of the dependency audit.")
    ] = "https://api.osv.dev"
    grpc_port: Annotated[
        int,
        Meta(
            description="Port of the gRPC services; 0 picks a free one, -1: none.",
            ge=-1,
            le=65_535,
        ),
    ] = -1
    grpc_tls_cert: Annotated[
        str, Meta(description="PEM file with the gRPC server's certificate chain; empty: no TLS.")
    ] = ""
    grpc_tls_key: Annotated[str, Meta(description="PEM file with its private key.")] = ""
    jwt_secret: Annotated[
        str,
        Meta(description="HS256 secret shared with services that sign their own tokens; optional."),
    ] = ""
    oidc_issuer: Annotated[str, Meta(description="Issuer URL of an OIDC provider.")] = ""
    oidc_audience: Annotated[str, Meta(description="Audience its tokens must carry.")] = ""
    oidc_tenant_claim: Annotated[str, Meta(description="Claim that names the tenant.")] = (
        "tenant_id"
    )
    oidc_roles_claim: Annotated[str, Meta(description="Claim that lists the roles.")] = "roles"
    otlp_endpoint: Annotated[
        str, Meta(description="OTLP/HTTP endpoint for traces; empty: no tracing.")
    ] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least severe log line.")
    ] = "info"
    log_requests: Annotated[
        Literal["on", "off"], Meta(description="One log line for each request.")
    ] = "on"

    @property
    def data_dir(self) -> Path:
        """The data folder, absolute."""
        return Path(self.data or default_data()).expanduser().resolve()

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders whose repositories callers may name.

        Those that are set; else the data folder and, on a loopback address, the folder in which
        the server was started.
        """
        if self.allowed_roots:
            return tuple(Path(root).expanduser().resolve() for root in self.allowed_roots)
        started_in = (Path.cwd().resolve(),) if self.on_loopback else ()
        return (self.data_dir, *started_in)


def default_data() -> str:
    """``$XDG_DATA_HOME/lemnos``, which is ``~/.local/share/lemnos`` where it is not set."""
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return str(Path(base).expanduser() / "lemnos")


def load(
    env: Mapping[str, str] | None = None,
    file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings in force. A name or value that is not known raises ``Invalid`` naming it."""
    return resolve(env, file, flags)[0]


def resolve(
    env: Mapping[str, str] | None = None,
    file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
) -> tuple[Settings, dict[str, str]]:
    """The settings, and for each name where its value came from."""
    env = os.environ if env is None else env
    layers = (
        ("environment", _fallbacks(env)),
        *((f"file {path}", _from_file(path)) for path in _files(env, file, flags or {})),
        ("environment", _from_env(env)),
        ("flag", {k: v for k, v in (flags or {}).items() if v is not None}),
    )
    values: dict[str, Any] = {}
    source: dict[str, str] = {}
    for name, layer in layers:
        values |= layer
        source |= dict.fromkeys(layer, name)
    try:
        return msgspec.convert(values, Settings, strict=False), source
    except msgspec.ValidationError as error:
        raise Invalid(f"The settings are not valid: {error}", code="invalid_settings") from error


def describe() -> list[tuple[str, str, str, str]]:
    """Name, environment variable, default and meaning of each setting, in order."""
    rows = []
    for info in msgspec.structs.fields(Settings):
        default = info.default if info.default is not msgspec.NODEFAULT else {}
        shown = ",".join(default) if isinstance(default, tuple) else str(default or "")
        meta = next(part for part in get_args(info.type) if isinstance(part, Meta))
        rows.append((info.name, PREFIX + info.name.upper(), shown, meta.description or ""))
    return rows


def _fallbacks(env: Mapping[str, str]) -> dict[str, Any]:
    """The providers' own variables, which their users have set already."""
    names = {"ANTHROPIC_API_KEY": "anthropic_api_key", "OPENAI_API_KEY": "openai_api_key"}
    return {field: env[name] for name, field in names.items() if env.get(name)}


def _files(env: Mapping[str, str], file: Path | None, flags: Mapping[str, Any]) -> list[Path]:
    """The file that was named, which must exist, or ``config.toml`` in the data folder."""
    named = file or (Path(env["LEMNOS_CONFIG"]) if env.get("LEMNOS_CONFIG") else None)
    if named is not None:
        return [named]
    data = flags.get("data") or env.get("LEMNOS_DATA") or default_data()
    implied = Path(data).expanduser() / "config.toml"
    return [implied] if implied.is_file() else []


def _from_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise Invalid(f"Cannot read {path}: {error.strerror}.", code="invalid_settings") from error
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is not valid TOML: {error}.", code="invalid_settings") from error
    return _known(values, str(path))


def _from_env(env: Mapping[str, str]) -> dict[str, Any]:
    mine = {
        name.removeprefix(PREFIX).lower(): text
        for name, text in env.items()
        if name.startswith(PREFIX) and name not in _NOT_SETTINGS
    }
    return {name: _split(name, text) for name, text in _known(mine, "the environment").items()}


_NOT_SETTINGS = {"LEMNOS_CONFIG", "LEMNOS_URL", "LEMNOS_API_KEY", "LEMNOS_NPM_DIR"}
_TABLES = {"acp_agents", "forges", "prices", "rate_tiers"}
_LISTS = {"allowed_roots", "allowed_hosts", "agent_hosts", "agent_paths"}


def _split(name: str, text: str) -> Any:
    if name in _LISTS and not text.lstrip().startswith('["'):  # [::1]:80 is a host
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if name not in _TABLES | _LISTS:
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        message = f"{PREFIX}{name.upper()} must be JSON: {error}."
        raise Invalid(message, code="invalid_settings") from error


def _known(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    unknown = sorted(set(values) - set(Settings.__struct_fields__))
    if unknown:
        raise Invalid(
            f"{where} sets what Lemnos does not know: {', '.join(unknown)}.",
            code="invalid_settings",
        )
    return dict(values)
