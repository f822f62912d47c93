"""What a runtime stands on: the sandbox, the gateway, and the folders that programs live in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lemnos.domains.agents.ports import McpServer, RunSpec
from lemnos.runners.gateway import ModelGateway, RunGateway
from lemnos.runners.gateway.gateway import MCP, MODEL, PROXY_USER
from lemnos.runners.sandbox import GATEWAY_PORT, Sandbox

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
AUTHOR = "Lemnos agent"
EMAIL = "agent@lemnos.invalid"


@dataclass(frozen=True, slots=True)
class Host:
    """Shared by all runtimes of a server.

    ``read_only`` are folders that every agent may read besides the system's: where Node.js, MCP
    servers and the CLIs' packages are installed. ``path`` goes before the system's PATH.
    """

    sandbox: Sandbox
    gateway: ModelGateway
    read_only: tuple[Path, ...] = ()
    path: tuple[Path, ...] = ()


def origin(gateway: RunGateway) -> str:
    """The gateway's address as the agent sees it."""
    return f"http://127.0.0.1:{gateway.port or GATEWAY_PORT}"


def model_url(gateway: RunGateway) -> str:
    """What stands for the provider's base URL."""
    return origin(gateway) + MODEL


def mcp_url(gateway: RunGateway, server: McpServer) -> str:
    """What stands for the URL of an HTTP MCP server. Its headers are put in by the gateway."""
    return origin(gateway) + MCP + server.name


def proxy_environment(gateway: RunGateway) -> dict[str, str]:
    """What leads programs to the hosts that they may reach: all of these by way of the gateway."""
    proxy = origin(gateway).replace("://", f"://{PROXY_USER}:{gateway.token}@")
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    return dict.fromkeys(names, proxy)


def environment(host: Host, spec: RunSpec, gateway: RunGateway) -> dict[str, str]:
    """The environment of an agent: nothing of the server's own, and no secret."""
    direct = "127.0.0.1,localhost,::1"
    return {
        "PATH": os.pathsep.join([*map(str, host.path), SYSTEM_PATH]),
        "HOME": str(spec.home),
        "USER": "agent",
        "LOGNAME": "agent",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "TMPDIR": "/tmp",  # noqa: S108  a private one, inside the sandbox
        **proxy_environment(gateway),
        "NO_PROXY": direct,
        "no_proxy": direct,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": AUTHOR,
        "GIT_AUTHOR_EMAIL": EMAIL,
        "GIT_COMMITTER_NAME": AUTHOR,
        "GIT_COMMITTER_EMAIL": EMAIL,
    }
