"""The gates, put together from the settings; needs neither a server nor a database."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from lemnos.adapters.net import NetGuard
from lemnos.domains.agents.ports import Limits
from lemnos.main.host import make_gateway
from lemnos.runners.gates.gates import SandboxGates
from lemnos.runners.runtimes.host import Host
from lemnos.settings import Settings


def make_gates(settings: Settings, host: Host, environment: Path | None = None) -> SandboxGates:
    """The gates of this node. ``environment`` is a virtual environment that the caller works in.

    What they may reach is the vulnerability database alone. It is the operator's choice, so a
    private one is allowed by being named.
    """
    database = urlsplit(settings.audit_url).netloc.rpartition("@")[2]
    guard = NetGuard((*settings.allowed_hosts, database))
    return SandboxGates(
        host.sandbox,
        settings.data_dir / "cache" / "gates",
        gateway=make_gateway(settings, guard),
        read_only=host.read_only,
        path=host.path,
        limits=Limits(memory=settings.agent_memory, processes=settings.agent_processes),
        timeout=settings.gate_timeout,
        audit_url=settings.audit_url,
        environment=environment,
    )
