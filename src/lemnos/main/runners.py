"""What runs agents, put together from the settings: runtimes, sandbox, model gateway."""

from __future__ import annotations

from pathlib import Path

from lemnos.domains.agents.ports import Limits, ModelAccess
from lemnos.domains.tasks.runs import RunOptions
from lemnos.main.ground import make_ground
from lemnos.main.host import make_host
from lemnos.runners.gateway import ModelGateway
from lemnos.runners.quality import SandboxInspector
from lemnos.runners.runtimes.acp import AcpAgent, AcpRuntime
from lemnos.runners.runtimes.builtin import BuiltinAgent
from lemnos.runners.runtimes.claude_code import ClaudeCode
from lemnos.runners.runtimes.codex import Codex
from lemnos.runners.runtimes.host import Host
from lemnos.runners.runtimes.registry import RuntimeRegistry
from lemnos.settings import Settings


def make_runtimes(
    settings: Settings, gateway: ModelGateway, host: Host | None = None
) -> RuntimeRegistry:
    """The runtimes that this machine may have; `lemnos doctor` probes the same ones."""
    host = host or make_host(make_ground(settings), gateway)
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
