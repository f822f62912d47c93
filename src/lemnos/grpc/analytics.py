"""``hephaestus.v1.AnalyticsService``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from lemnos.domains.analytics.model import (
    DEFAULT_DAYS,
    DEFAULT_LIMIT,
    Kind,
    Measurement,
    Strategy,
    Where,
)
from lemnos.domains.analytics.plain import plain_hotspots, plain_rankings
from lemnos.domains.analytics.service import AnalyticsService as Analytics
from lemnos.grpc.admission import Rpc, caller
from lemnos.grpc.generated.hephaestus.v1 import analytics_pb2 as pb
from lemnos.grpc.generated.hephaestus.v1.analytics_pb2_grpc import AnalyticsServiceServicer
from lemnos.grpc.messages import filled, refuse_nul
from lemnos.kernel.errors import Invalid, TooLarge
from lemnos.platform.db import Tx
from lemnos.platform.execute import Door

# Of one ingest, which is held until it is complete.
_MOST_RECORDS = 200_000
_MOST_TEXT = 32 * 1024 * 1024  # characters of all paths
_ENUM = "RANKING_STRATEGY_"


class AnalyticsService(AnalyticsServiceServicer):
    """Answers rankings and hotspots, and takes in what others have measured."""

    def __init__(self, analytics: Analytics, door: Door) -> None:
        self._analytics = analytics
        self._door = door

    async def GetRankings(  # noqa: N802 (the .proto names it)
        self, request: pb.GetRankingsRequest, _rpc: Rpc
    ) -> pb.GetRankingsResponse:
        """The files that are most worth a refactoring."""
        found = await self._analytics.rankings(
            caller(),
            Where(request.workspace, request.task_id),
            strategy=_strategy(request.strategy),
            limit=request.limit if request.HasField("limit") else DEFAULT_LIMIT,
            days=request.days if request.HasField("days") else DEFAULT_DAYS,
        )
        plain = plain_rankings(found)
        strategy = _ENUM + plain["strategy"].upper()
        return filled(pb.GetRankingsResponse(), plain | {"strategy": strategy})

    async def GetHotspots(  # noqa: N802
        self, request: pb.GetHotspotsRequest, _rpc: Rpc
    ) -> pb.GetHotspotsResponse:
        """The files that are both complicated and often changed."""
        found = await self._analytics.hotspots(
            caller(),
            Where(request.workspace, request.task_id),
            limit=request.limit if request.HasField("limit") else DEFAULT_LIMIT,
            days=request.days if request.HasField("days") else DEFAULT_DAYS,
        )
        return filled(pb.GetHotspotsResponse(), plain_hotspots(found))

    async def StreamIngest(  # noqa: N802
        self, requests: AsyncIterator[pb.StreamIngestRequest], _rpc: Rpc
    ) -> pb.StreamIngestResponse:
        """Keep all records of a stream that its client has ended, in one transaction."""
        ctx, sent = caller(), await _gathered(requests)

        async def work(tx: Tx) -> list[Measurement]:
            return [
                await self._analytics.ingest(
                    tx, ctx, sent.workspace, kind, sent.source, sent.commit, content
                )
                for kind, content in sent.content.items()
            ]

        counts = {f"{kind}_records": len(content) for kind, content in sent.content.items()}
        await self._door.do(
            ctx,
            "analytics.ingest",
            work,
            target=lambda made: made[0].workspace,
            detail={"source": sent.source, **counts},
        )
        return pb.StreamIngestResponse(**counts)


@dataclass(slots=True)
class _Sent:
    """What a stream has brought."""

    workspace: str
    source: str
    commit: str
    records: int = 0
    text: int = 0
    content: dict[Kind, dict[str, tuple[int, int]]] = field(default_factory=dict)

    def add(self, kind: Kind, path: str, first: int, second: int) -> None:
        """Take a record in. Raises ``Invalid``, and ``TooLarge`` for one too many."""
        self.records += 1
        self.text += len(path)
        if self.records > _MOST_RECORDS or self.text > _MOST_TEXT:
            limits = f"{_MOST_RECORDS} records and {_MOST_TEXT} characters of paths"
            raise TooLarge(f"One ingest takes {limits}.", code="too_many_records")
        paths = self.content.setdefault(kind, {})
        if path in paths:
            raise _refused(self.records, "path", "was sent before")
        paths[path] = (first, second)


async def _gathered(requests: AsyncIterator[pb.StreamIngestRequest]) -> _Sent:
    """All records of a stream. Raises ``Invalid`` naming the one that is wrong.

    What comes behind the end is not read.
    """
    sent: _Sent | None = None
    async for request in requests:
        refuse_nul(request)
        which = request.WhichOneof("record")
        if sent is None:
            if which != "target":
                raise _missing("target", "The first message must be the target.")
            target = request.target
            sent = _Sent(target.workspace, target.source, target.commit)
        elif which == "coverage":
            coverage = request.coverage
            sent.add(Kind.COVERAGE, coverage.path, coverage.covered_lines, coverage.total_lines)
        elif which == "churn":
            churn = request.churn
            sent.add(Kind.CHURN, churn.path, churn.churn, churn.revisions)
        elif which == "end" and sent.records:
            return sent
        elif which == "end":
            raise _missing("record", "The stream held no records.")
        else:
            raise _refused(sent.records + 1, which or "record", "must be coverage, churn or end")
    raise _missing("end", "The stream broke off: its last message must be the end.")


def _missing(name: str, message: str) -> Invalid:
    return Invalid(message, fields={name: "is missing"})


def _refused(number: int, name: str, problem: str) -> Invalid:
    where = f"record[{number}].{name}"
    return Invalid(f"{where} {problem}.", fields={where: problem})


def _strategy(number: int) -> Strategy:
    if number == pb.RANKING_STRATEGY_UNSPECIFIED:
        return Strategy.COMPOSITE
    names = pb.RankingStrategy.items()
    for name, value in names:
        if value == number:
            return Strategy(name.removeprefix(_ENUM).lower())
    known = ", ".join(name for name, value in names if value)
    problem = f"must be one of: {known}"
    raise Invalid(f"strategy {problem}.", fields={"strategy": problem})
