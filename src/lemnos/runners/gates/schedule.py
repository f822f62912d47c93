"""In which order gates run: those that write first and alone, then all others side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from lemnos.domains.quality.model import GateResult, Verdict
from lemnos.domains.quality.ports import GateEvent, OnGate
from lemnos.runners.gates.judging import Judge

# What takes long begins first, so that nothing is left to wait for one last processor.
_SLOWEST = ("tests", "types", "audit")


class Schedule:
    """Runs the gates of one run, as many at once as there are ``places``.

    With ``fail_fast`` nothing begins after a gate that blocks, and what runs is ended: both are
    told as not run.
    """

    def __init__(
        self,
        judge: Judge,
        gates: Sequence[str],
        places: int,
        *,
        fail_fast: bool = False,
        on_gate: OnGate | None = None,
    ) -> None:
        self._judge = judge
        self._gates = gates
        self._places = asyncio.Semaphore(places)
        self._fail_fast = fail_fast
        self._on_gate = on_gate
        self._telling = asyncio.Lock()
        self._results = dict[str, GateResult]()
        self._blocking: str = ""

    async def run(self) -> tuple[GateResult, ...]:
        """All results, in the order of the gates. Raises what ``on_gate`` raises."""
        writers = [gate for gate in self._gates if self._judge.writes(gate)]
        for gate in writers:
            if not self._blocking:
                await self._one(gate)
        await self._side_by_side([gate for gate in self._gates if gate not in writers])
        for gate in self._gates:
            if gate not in self._results:
                await self._ended(self._not_run(gate))
        return tuple(self._results[gate] for gate in self._gates)

    async def _side_by_side(self, gates: list[str]) -> None:
        if self._blocking:
            return
        slowest_first = sorted(
            gates, key=lambda gate: _SLOWEST.index(gate) if gate in _SLOWEST else 99
        )
        running = {asyncio.create_task(self._one(gate)) for gate in slowest_first}
        try:
            while running and not self._blocking:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _one(self, gate: str) -> None:
        async with self._places:
            await self._tell(GateEvent(gate, len(self._results), len(self._gates)))
            result = await self._judge.judge(gate)
            await self._ended(result)
        if self._fail_fast and result.blocks:
            self._blocking = self._blocking or gate

    async def _ended(self, result: GateResult) -> None:
        self._results[result.gate] = result
        await self._tell(GateEvent(result.gate, len(self._results), len(self._gates), result))

    async def _tell(self, event: GateEvent) -> None:
        """One event at a time, so that what is done never goes back."""
        if self._on_gate is not None:
            async with self._telling:
                await self._on_gate(event)

    def _not_run(self, gate: str) -> GateResult:
        message = f"Not run, as {self._blocking} has failed."
        return GateResult(gate, Verdict.NOT_RUN, message)
