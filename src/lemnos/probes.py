"""What ``/health`` looks at, and the gauges that are read from the running parts."""

from __future__ import annotations

import asyncio
import shutil

from lemnos.api.kit.readiness import Probe
from lemnos.domains.tasks.recording import Ending, Recorder
from lemnos.kernel.errors import Unavailable
from lemnos.main.build import Server
from lemnos.platform.telemetry.metrics import Metrics

_LEAST_DISK = 512 * 1024 * 1024  # bytes under which a checkout may not fit any more


def add_probes(server: Server) -> None:
    """Fill in the probes and gauges of a server."""
    core, platform = server.core, server.platform

    async def database() -> str:
        await platform.db.ping()
        return platform.db.dialect

    async def disk() -> str:
        usage = await asyncio.to_thread(shutil.disk_usage, server.settings.data_dir)
        free = f"{usage.free / 1024**3:.1f} GiB free"
        if usage.free < _LEAST_DISK:
            raise Unavailable(f"only {free}")
        return free

    async def engine() -> str:
        if not core.readiness.working:
            raise Unavailable("not started yet: accepted work waits")
        return f"{server.runner.active} agents at work"

    core.readiness.probes |= {"database": database, "disk": disk, "engine": engine}
    for name in core.runtimes.names:
        core.readiness.probes[f"runtime:{name}"] = _runtime_probe(server, name)
    platform.metrics.gauge(
        "lemnos_agents_running", "Agents running on this node.", lambda: server.runner.active
    )


def count_endings(metrics: Metrics, recorder: Recorder) -> None:
    """Count how iterations end on this node, and what they use."""
    names = ("runtime", "status")
    ended = metrics.counter("lemnos_iterations_total", "Iterations that have ended.", names)
    seconds = metrics.counter("lemnos_agent_seconds_total", "Time that agents ran.", ("runtime",))
    cost = metrics.counter("lemnos_cost_usd_total", "Cost of models, US dollars.", ("runtime",))
    tokens = metrics.counter(
        "lemnos_tokens_total", "Tokens that models were given and gave.", ("runtime", "direction")
    )

    def count(runtime: str, ending: Ending) -> None:
        runtime = runtime or "none"
        ended.labels(runtime, ending.status.value).inc()
        seconds.labels(runtime).inc(ending.usage.duration_seconds)
        tokens.labels(runtime, "input").inc(ending.usage.input_tokens)
        tokens.labels(runtime, "output").inc(ending.usage.output_tokens)
        cost.labels(runtime).inc(ending.usage.cost_usd or 0.0)

    recorder.on_ended = count


def _runtime_probe(server: Server, name: str) -> Probe:
    async def probe() -> str:
        status = await server.core.runtimes.status(name)
        return status.version if status.installed else f"not installed: {status.problem}"

    return probe
