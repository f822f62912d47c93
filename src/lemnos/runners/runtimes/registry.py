"""The runtimes of this node: which there are, which work here, which one does a task."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping

from lemnos.domains.agents.ports import Choice, Runtime, RuntimeStatus
from lemnos.kernel.errors import Invalid
from lemnos.runners.sandbox import end_leftover

PROBED_FOR = 300.0  # seconds for which a probe holds; an operator may install a CLI meanwhile
PREFERRED, FALLBACK = "claude-code", "builtin"


class RuntimeRegistry:
    """See :class:`lemnos.domains.agents.ports.Runtimes`. ``default`` is the operator's choice."""

    def __init__(self, runtimes: Iterable[Runtime], default: str = "") -> None:
        self._runtimes = {runtime.name: runtime for runtime in runtimes}
        self._default = default
        self._probed: dict[str, tuple[float, RuntimeStatus]] = {}
        self._probing: dict[str, asyncio.Lock] = {}
        if default:
            self.check(default)

    @property
    def names(self) -> tuple[str, ...]:
        """All runtimes, in the order in which they were given."""
        return tuple(self._runtimes)

    def get(self, name: str) -> Runtime:
        """The runtime of this name. Raises Invalid when there is none."""
        if name not in self._runtimes:
            known = ", ".join(sorted(self._runtimes))
            raise Invalid(
                f"There is no runtime {name!r}; there are: {known}.",
                code="unknown_runtime",
                fields={"cli": f"one of {known}"},
            )
        return self._runtimes[name]

    def check(self, requested: str) -> None:
        """Raise Invalid unless the name is one that could be asked for."""
        if requested:
            self.get(requested)

    async def status(self, name: str) -> RuntimeStatus:
        """Whether a runtime can work here, probed at most every five minutes."""
        async with self._probing.setdefault(name, asyncio.Lock()):
            at, status = self._probed.get(name, (float("-inf"), None))
            if status is None or time.monotonic() - at > PROBED_FOR:
                status = await self.get(name).probe()
                self._probed[name] = (time.monotonic(), status)
            return status

    async def statuses(self) -> Mapping[str, RuntimeStatus]:
        """Each runtime's state, as last probed."""
        names = list(self._runtimes)
        found = await asyncio.gather(*map(self.status, names))
        return dict(zip(names, found, strict=True))

    async def choose(self, requested: str, credentials: Collection[str]) -> Choice:
        """The runtime asked for, else the configured default, else what works here."""
        if requested:
            return await self._named(requested, f"The task asks for {requested}.")
        if self._default:
            return await self._named(self._default, f"{self._default} is this server's default.")
        status = await self.status(PREFERRED) if PREFERRED in self._runtimes else None
        if status is not None and status.installed and "anthropic" in credentials:
            reason = f"Claude Code {status.version} is installed and there is a key for it."
            return Choice(self.get(PREFERRED), reason)
        if status is None or not status.installed:
            lack = "Claude Code is not installed here"
        else:
            lack = "Claude Code is installed, but there is no key for Anthropic's API"
        return Choice(self.get(FALLBACK), f"The built-in agent, as {lack}.")

    async def end_leftover(self, pgid: int, started_ticks: int) -> bool:
        """End a process group that a crash of the server left behind; False when it is gone."""
        return await asyncio.to_thread(end_leftover, pgid, started_ticks)

    async def _named(self, name: str, reason: str) -> Choice:
        runtime = self.get(name)
        status = await self.status(name)
        if not status.installed:
            raise Invalid(
                f"{name} can't run here: {status.problem}",
                code="runtime_not_installed",
                fields={"cli": status.problem},
            )
        return Choice(runtime, reason)
