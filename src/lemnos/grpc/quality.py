"""``hephaestus.v1.QualityService``."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec

from lemnos.domains.operations import events
from lemnos.domains.operations.model import Operation
from lemnos.domains.quality.model import GateRequest
from lemnos.domains.quality.service import GuardRailsService, NewGuardRails
from lemnos.grpc.admission import Rpc, caller
from lemnos.grpc.generated.hephaestus.v1 import quality_pb2 as pb
from lemnos.grpc.generated.hephaestus.v1.quality_pb2_grpc import QualityServiceServicer
from lemnos.grpc.messages import filled
from lemnos.grpc.operations import Operations
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Invalid
from lemnos.platform.events.port import Event

_DRIFT = "drift"


class QualityService(QualityServiceServicer):
    """Runs gates as operations, like the REST API."""

    def __init__(self, guard_rails: GuardRailsService, operations: Operations) -> None:
        self._guard_rails = guard_rails
        self._operations = operations

    async def RunGuardRails(  # noqa: N802 (the .proto names it)
        self, request: pb.RunGuardRailsRequest, rpc: Rpc
    ) -> pb.RunGuardRailsResponse:
        """Run the gates and answer with the report."""
        report = await self._report(_asked(request.options), rpc)
        return pb.RunGuardRailsResponse(report=report)

    async def RunGuardRailsStream(  # noqa: N802
        self, request: pb.RunGuardRailsStreamRequest, rpc: Rpc
    ) -> AsyncIterator[pb.RunGuardRailsStreamResponse]:
        """Tell of each gate as it begins and ends; a client that leaves ends the run."""
        ctx = caller()
        operation = await self._begin(ctx, _asked(request.options), rpc)
        async with self._operations.bound(ctx, operation):
            yield _started(operation.id)
            async with aclosing(self._operations.follow(ctx, operation.id)) as happened:
                async for event in happened:
                    if (told := _told(operation.id, event)) is not None:
                        yield told
            result = await self._operations.result(ctx, operation)
            report = filled(pb.GuardRailsReport(), result)
            yield pb.RunGuardRailsStreamResponse(report=report, progress=1.0)

    async def CheckDrift(  # noqa: N802
        self, request: pb.CheckDriftRequest, rpc: Rpc
    ) -> pb.CheckDriftResponse:
        """Run the drift gate alone."""
        only = GateRequest(drift_check=True, gates=(_DRIFT,))
        report = await self._report(NewGuardRails(request.workspace, request.task_id, only), rpc)
        gate = next((gate for gate in report.gates if gate.name == _DRIFT), None)
        return pb.CheckDriftResponse(success=report.success, gate=gate, task_id=report.task_id)

    async def _report(self, asked: NewGuardRails, rpc: Rpc) -> pb.GuardRailsReport:
        ctx = caller()
        operation = await self._begin(ctx, asked, rpc)
        return filled(pb.GuardRailsReport(), await self._operations.result(ctx, operation))

    async def _begin(self, ctx: Context, asked: NewGuardRails, rpc: Rpc) -> Operation:
        operation = await self._guard_rails.draft(ctx, asked)
        await self._operations.begin(ctx, rpc, operation)
        return operation


def _asked(options: pb.GuardRailsOptions) -> NewGuardRails:
    timeout = options.timeout_seconds if options.HasField("timeout_seconds") else None
    if timeout is not None and not math.isfinite(timeout):
        problem = "must be a number"
        raise Invalid(f"timeout_seconds {problem}.", fields={"timeout_seconds": problem})
    request = GateRequest(
        no_format=options.no_format,
        drift_check=options.drift_check,
        gates=tuple(options.gates),
        profile=options.profile,
        fail_fast=options.fail_fast,
        baseline=options.baseline,
        use_cache=not options.no_cache,
        timeout=timeout,
    )
    return NewGuardRails(options.workspace, options.task_id, request)


def _started(operation_id: str, *, again: bool = False) -> pb.RunGuardRailsStreamResponse:
    return pb.RunGuardRailsStreamResponse(started=pb.RunStarted(task_id=operation_id, again=again))


def _told(operation_id: str, event: Event) -> pb.RunGuardRailsStreamResponse | None:
    """An event of the run as the stream tells it; None for one that is not for it."""
    data = msgspec.json.decode(event.data)
    progress = data.get("progress", 0.0)
    match event.name:
        case "gate_started":
            began = pb.GateStarted(name=data["gate"])
            return pb.RunGuardRailsStreamResponse(gate_started=began, progress=progress)
        case "gate_finished":
            ended = pb.GateFinished(gate=filled(pb.Gate(), data["result"]))
            return pb.RunGuardRailsStreamResponse(gate_finished=ended, progress=progress)
        case events.STARTED if data["again"]:
            return _started(operation_id, again=True)
        case _:
            return None
