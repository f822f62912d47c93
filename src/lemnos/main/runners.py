"""What runs agents, put together from the settings: runtimes, sandbox, model gateway."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from lemnos.adapters.net import GuardedTransport, NetGuard
from lemnos.domains.agents.ports import Limits, ModelAccess
from lemnos.domains.tasks.runs import RunOptions
from lemnos.kernel.errors import LemnosError
from lemnos.runners.gateway import ModelGateway, Price, PriceTable
from lemnos.runners.quality import SandboxInspector
from lemnos.runners.runtimes.acp import AcpAgent, AcpRuntime
from lemnos.runners.runtimes.builtin import BuiltinAgent
from lemnos.runners.runtimes.claude_code import ClaudeCode
from lemnos.runners.runtimes.codex import Codex
from lemnos.runners.runtimes.host import Host
from lemnos.runners.runtimes.registry import RuntimeRegistry
from lemnos.runners.sandbox import choose_sandbox
from lemnos.settings import Settings


def make_host(settings: Settings, gateway: ModelGateway) -> Host:
    """What runs agents and the checks of what they changed: the sandbox and the tools in it."""
    folders = tuple(Path(path).expanduser().resolve() for path in settings.agent_paths)
    programs = tuple(path / "bin" if (path / "bin").is_dir() else path for path in folders)
    return Host(choose_sandbox(settings.sandbox, (settings.data_dir,)), gateway, folders, programs)


def make_runtimes(
    settings: Settings, gateway: ModelGateway, host: Host | None = None
) -> RuntimeRegistry:
    """The runtimes that this machine may have; `lemnos doctor` probes the same ones."""
    host = host or make_host(settings, gateway)
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


def make_inspector(host: Host) -> SandboxInspector:
    """What checks changed trees, in the same sandbox, with the tools of agents."""
    return SandboxInspector(host.sandbox, host.read_only, host.path)


def make_gateway(settings: Settings, guard: NetGuard) -> ModelGateway:
    """The one way out of a sandbox, with the prices that the operator gave."""

    async def resolve(host: str, port: int) -> tuple[str, ...]:
        try:
            return await guard.resolve(host, port)
        except LemnosError as error:
            raise PermissionError(error.message) from error

    return ModelGateway(
        price_table(settings),
        transport=GuardedTransport(guard_of_models(settings)),
        outside=GuardedTransport(guard),
        resolve=resolve,
    )


def price_table(settings: Settings) -> PriceTable:
    """What models cost: the operator's own prices before the known ones."""

    def price(said: tuple[float, float]) -> Price:
        return Price.openai(*said, cached=said[0])

    own = {model: price(said) for model, said in settings.prices.items() if model != "*"}
    default = price(settings.prices["*"]) if "*" in settings.prices else None
    return PriceTable(own, default)


def model_accesses(settings: Settings) -> dict[str, ModelAccess]:
    """The operator's model endpoints and keys, by provider."""
    return {
        "anthropic": ModelAccess(
            "anthropic", settings.anthropic_base_url, settings.anthropic_api_key
        ),
        "openai": ModelAccess("openai", settings.openai_base_url, settings.openai_api_key),
    }


def run_options(settings: Settings) -> RunOptions:
    """What this node gives to every run."""
    limits = Limits(
        memory=settings.agent_memory,
        processes=settings.agent_processes,
        disk=settings.workspace_max,
    )
    return RunOptions(settings.node, model_accesses(settings), limits, settings.agent_hosts)


def guard_of_models(settings: Settings) -> NetGuard:
    """Model endpoints are the operator's choice, so a private one is allowed by being named."""
    urls = (settings.anthropic_base_url, settings.openai_base_url)
    named = tuple(urlsplit(url).netloc for url in urls)
    return NetGuard((*settings.allowed_hosts, *named), ())
