"""Metrics, health and status, and what routing would do."""

from __future__ import annotations

from lemnos_sdk._call import IO, Call, Resource, operation, path
from lemnos_sdk._model import reader
from lemnos_sdk.orchex._orchex import get
from lemnos_sdk.orchex.models import AgentMetrics, Metrics, SystemHealth, SystemStatus


class MetricsResource(Resource[IO]):
    """``client.metrics``."""

    @operation
    def get(self, *, period: str | None = None, metric_type: str | None = None) -> Call[Metrics]:
        """What all agents did in a period: ``1h``, ``24h``, ``7d`` or ``30d``.

        ``metric_type``: ``performance``, ``cost`` or ``quality`` alone.
        """
        return get("/v1/metrics", Metrics, period=period, metric_type=metric_type)

    @operation
    def agent(
        self, agent_id: str, *, period: str | None = None, detailed: bool | None = None
    ) -> Call[AgentMetrics]:
        """What one agent did; ``detailed`` adds breakdowns."""
        where = path("/v1/metrics/agents", agent_id)
        return get(where, AgentMetrics, period=period, detailed=detailed)


class System(Resource[IO]):
    """``client.system``."""

    @operation
    def health(self) -> Call[SystemHealth]:
        """The state of each component, and agents by health; also when it is not healthy."""
        return Call("GET", "/v1/health", reader(SystemHealth, "data"), also=503)

    @operation
    def status(self) -> Call[SystemStatus]:
        """Components, queue and speed in detail."""
        return get("/v1/status", SystemStatus)
