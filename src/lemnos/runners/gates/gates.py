"""The gates of a project over the sandbox."""

from __future__ import annotations

from pathlib import Path

from lemnos.domains.agents.ports import Limits
from lemnos.domains.quality.model import GateReport, GateRequest
from lemnos.domains.quality.ports import OnGate, Tree
from lemnos.runners.gates.discovery import discover
from lemnos.runners.gates.project import DEFAULT_AUDIT_URL, Project
from lemnos.runners.gates.registry import Registry
from lemnos.runners.gateway import ModelGateway
from lemnos.runners.quality.bench import Workbench
from lemnos.runners.sandbox import Sandbox


class SandboxGates:
    """Implements ``lemnos.domains.quality.ports.Gates``.

    ``cache`` is a folder for verdicts, which several processes may share. ``gateway`` is the way
    to the hosts that a tool names; None: there is none. ``read_only`` and ``path`` are where the
    operator keeps tools. ``timeout`` is the longest that a gate may take, in seconds. ``jobs``
    tools run at once; None: as many as there are processors. ``environment`` is a virtual
    environment for projects that have none of their own. ``registry``: None: what is installed.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        cache: Path,
        *,
        gateway: ModelGateway | None = None,
        read_only: tuple[Path, ...] = (),
        path: tuple[Path, ...] = (),
        limits: Limits | None = None,
        timeout: float = 1800.0,
        jobs: int | None = None,
        audit_url: str = DEFAULT_AUDIT_URL,
        environment: Path | None = None,
        registry: Registry | None = None,
    ) -> None:
        self._bench = Workbench(sandbox, read_only, path, limits or Limits())
        self._audit_url = audit_url
        self._environment = environment

    async def project(self, tree: Tree) -> Project:
        """What the tree declares. Raises ``Invalid`` for a configuration that can't be read."""
        return await discover(
            tree, self._bench, environment=self._environment, audit_url=self._audit_url
        )

    async def run(
        self, tree: Tree, request: GateRequest, on_gate: OnGate | None = None
    ) -> GateReport:
        """Run the gates; see the port."""
        raise NotImplementedError
