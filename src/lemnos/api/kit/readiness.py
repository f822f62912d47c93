"""Whether the server takes work, and how its components are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lemnos.kernel.errors import LemnosError

_PROBE_SECONDS = 3.0


class Phase(StrEnum):
    """Where a server is in its life."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class Component:
    """One part's state as just probed."""

    status: str  # ok, degraded or down
    detail: str = ""
    latency_ms: float = 0.0


Probe = Callable[[], Awaitable[str]]  # returns a detail; raises when the part is down


@dataclass(slots=True)
class Readiness:
    """The phase, and a probe for each component. Those in ``vital`` decide on readiness."""

    phase: Phase = Phase.STARTING
    working: bool = False  # whether jobs are taken up here
    probes: dict[str, Probe] = field(default_factory=dict)
    vital: frozenset[str] = frozenset({"database"})
    started: float = field(default_factory=time.monotonic)
    streams: set[asyncio.Future[None]] = field(default_factory=set)

    @property
    def uptime(self) -> float:
        """Seconds since the process started."""
        return time.monotonic() - self.started

    def drain(self) -> None:
        """Send no more work here; open streams end, so that their readers go elsewhere."""
        self.phase = Phase.DRAINING
        for stream in tuple(self.streams):
            stream.cancel()

    async def components(self) -> Mapping[str, Component]:
        """Probe every component, all at once."""
        names = list(self.probes)
        found = await asyncio.gather(*(self._probe(name) for name in names))
        return dict(zip(names, found, strict=True))

    async def ready(self) -> tuple[bool, str]:
        """Whether to send work here, and why not."""
        if self.phase is not Phase.READY:
            return False, self.phase.value
        for name in sorted(self.vital & self.probes.keys()):
            component = await self._probe(name)
            if component.status == "down":
                return False, f"{name}: {component.detail}"
        return True, ""

    async def _probe(self, name: str) -> Component:
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                detail = await self.probes[name]()
        except TimeoutError:
            return Component("down", f"no answer within {_PROBE_SECONDS:g} s")
        except LemnosError as error:
            return Component("down" if name in self.vital else "degraded", error.message)
        return Component("ok", detail, round((time.perf_counter() - begun) * 1000, 3))
