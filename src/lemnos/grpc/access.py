"""What each method needs, in one table. A method that is not in it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Access:
    """The permission of a method. ``mutating``: refusals are written to the audit log."""

    permission: str
    mutating: bool = False


METHODS: Mapping[str, Access] = {
    "/hephaestus.v1.QualityService/RunGuardRails": Access("quality:write", mutating=True),
    "/hephaestus.v1.QualityService/RunGuardRailsStream": Access("quality:write", mutating=True),
    "/hephaestus.v1.QualityService/CheckDrift": Access("quality:write", mutating=True),
    "/hephaestus.v1.CleanupService/Clean": Access("cleanup:write", mutating=True),
    "/hephaestus.v1.CleanupService/PreviewCleanup": Access("cleanup:write", mutating=True),
    "/hephaestus.v1.AnalyticsService/GetRankings": Access("analytics:read"),
    "/hephaestus.v1.AnalyticsService/GetHotspots": Access("analytics:read"),
    "/hephaestus.v1.AnalyticsService/StreamIngest": Access("analytics:write", mutating=True),
}

# As `/health` and `/api/docs` of the REST API: for probes, and for tools that ask what there is.
OPEN_SERVICES = (
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
)
