"""``hephaestus.v1.CleanupService``."""

from __future__ import annotations

from lemnos.domains.cleanup.service import CleanupService as Cleanup
from lemnos.domains.cleanup.service import NewCleanup
from lemnos.grpc.admission import Rpc, caller
from lemnos.grpc.generated.hephaestus.v1 import cleanup_pb2 as pb
from lemnos.grpc.generated.hephaestus.v1.cleanup_pb2_grpc import CleanupServiceServicer
from lemnos.grpc.messages import filled
from lemnos.grpc.operations import Operations


class CleanupService(CleanupServiceServicer):
    """Cleans folders as operations, like the REST API."""

    def __init__(self, cleanup: Cleanup, operations: Operations) -> None:
        self._cleanup = cleanup
        self._operations = operations

    async def Clean(self, request: pb.CleanRequest, rpc: Rpc) -> pb.CleanResponse:  # noqa: N802
        """Remove what is rubbish."""
        return pb.CleanResponse(report=await self._report(request, rpc, dry_run=False))

    async def PreviewCleanup(  # noqa: N802 (the .proto names it)
        self, request: pb.PreviewCleanupRequest, rpc: Rpc
    ) -> pb.PreviewCleanupResponse:
        """Tell what would be removed."""
        return pb.PreviewCleanupResponse(report=await self._report(request, rpc, dry_run=True))

    async def _report(
        self, request: pb.CleanRequest | pb.PreviewCleanupRequest, rpc: Rpc, *, dry_run: bool
    ) -> pb.CleanupReport:
        ctx = caller()
        asked = NewCleanup(
            root=request.root,
            task_id=request.task_id,
            deep_clean=request.deep_clean,
            dry_run=dry_run,
        )
        operation = await self._cleanup.draft(ctx, asked)
        await self._operations.begin(ctx, rpc, operation)
        return filled(pb.CleanupReport(), await self._operations.result(ctx, operation))
