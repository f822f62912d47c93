"""The gates, put together from the settings; needs neither a server nor a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lemnos.domains.agents.ports import Limits
from lemnos.main.ground import Ground
from lemnos.runners.gates.gates import SandboxGates
from lemnos.settings import Settings

if TYPE_CHECKING:
    from lemnos.runners.gateway import ModelGateway


def make_gates(settings: Settings, ground: Ground, environment: Path | None = None) -> SandboxGates:
    """The gates of this node. ``environment`` is a virtual environment that the caller works in.

    Close them at the end.
    """
    return SandboxGates(
        ground.sandbox,
        settings.data_dir / "cache" / "gates",
        way_out=lambda: _way_out(settings),
        read_only=ground.read_only,
        path=ground.path,
        limits=Limits(memory=settings.agent_memory, processes=settings.agent_processes),
        timeout=settings.gate_timeout,
        audit_url=settings.audit_url,
        environment=environment,
    )


def _way_out(settings: Settings) -> ModelGateway:
    """What gates may reach is the vulnerability database alone.

    It is the operator's choice, so a private one is allowed by being named.
    """
    # Here, as HTTP takes longer to load than most runs of the gates take, which need none of it.
    from lemnos.adapters.net import NetGuard
    from lemnos.main.host import make_gateway

    database = urlsplit(settings.audit_url).netloc.rpartition("@")[2]
    return make_gateway(settings, NetGuard((*settings.allowed_hosts, database)))
