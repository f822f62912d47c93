"""The gRPC server: where it listens, what it offers, and how it stops."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from lemnos.domains.analytics.service import AnalyticsService as Analytics
from lemnos.domains.cleanup.service import CleanupService as Cleanup
from lemnos.domains.operations.service import OperationService
from lemnos.domains.quality.service import GuardRailsService
from lemnos.grpc.admission import Admission, Guards
from lemnos.grpc.analytics import AnalyticsService
from lemnos.grpc.cleanup import CleanupService
from lemnos.grpc.generated.hephaestus.v1 import (
    analytics_pb2,
    analytics_pb2_grpc,
    cleanup_pb2,
    cleanup_pb2_grpc,
    quality_pb2,
    quality_pb2_grpc,
)
from lemnos.grpc.operations import Operations
from lemnos.grpc.quality import QualityService
from lemnos.grpc.tls import credentials
from lemnos.kernel.errors import Unavailable
from lemnos.platform.execute import Door

SERVICES = tuple(
    service.full_name
    for file in (quality_pb2, cleanup_pb2, analytics_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
)
REFLECTION_V1 = "grpc.reflection.v1.ServerReflection"
_MOST_CALLS = 1000  # at once; further ones are told RESOURCE_EXHAUSTED
_CUT_OFF = 1.0  # seconds that calls get to hear that the server stops
_KIB = 1024


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases behind the services."""

    door: Door
    operations: OperationService
    guard_rails: GuardRailsService
    cleanup: Cleanup
    analytics: Analytics


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen: port 0 takes a free one. Without a certificate in clear text.

    ``largest`` is the size of a message that clients may send, in bytes.
    """

    host: str
    port: int
    certificate: str = ""
    key: str = ""
    largest: int = 4 * _KIB * _KIB


class GrpcServer:
    """One server on its own port. It is made on the event loop that it serves on."""

    def __init__(self, listening: Listening, services: Services, guards: Guards) -> None:
        self._listening = listening
        self._services = services
        self._admission = Admission(guards)
        self._health = health.HealthServicer()
        self._server: grpc.aio.Server | None = None
        self.address = ""  # host:port, once it listens

    @property
    def secure(self) -> bool:
        """Whether it speaks TLS."""
        return bool(self._listening.certificate)

    async def start(self) -> None:
        """Listen, and say SERVING.

        Raises ``Invalid`` for a certificate that can't be used, ``Unavailable`` for an address
        that is taken.
        """
        server = grpc.aio.server(
            interceptors=(self._admission,),
            options=_options(self._listening.largest),
            maximum_concurrent_rpcs=_MOST_CALLS,
        )
        self._add_services(server)
        self.address = self._bind(server)
        await server.start()
        self._server = server
        await self._say(health_pb2.HealthCheckResponse.SERVING)

    async def drain(self) -> None:
        """Say NOT_SERVING, so that clients go elsewhere; calls go on."""
        if self._server is not None:
            await self._health.enter_graceful_shutdown()

    async def stop(self) -> None:
        """Take no more calls, and end those that run with UNAVAILABLE; what they began goes on."""
        if self._server is None:
            return
        await self.drain()
        self._admission.end_calls()
        await self._server.stop(_CUT_OFF)
        self._server = None

    def _add_services(self, server: grpc.aio.Server) -> None:
        s = self._services
        operations = Operations(s.door, s.operations, lambda: self._admission.leaving)
        quality = QualityService(s.guard_rails, operations)
        quality_pb2_grpc.add_QualityServiceServicer_to_server(quality, server)
        cleanup = CleanupService(s.cleanup, operations)
        cleanup_pb2_grpc.add_CleanupServiceServicer_to_server(cleanup, server)
        analytics = AnalyticsService(s.analytics, s.door)
        analytics_pb2_grpc.add_AnalyticsServiceServicer_to_server(analytics, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        _add_reflection(server)

    def _bind(self, server: grpc.aio.Server) -> str:
        listening = self._listening
        host = f"[{listening.host}]" if ":" in listening.host else listening.host
        secret = credentials(listening.certificate, listening.key)
        address = f"{host}:{listening.port}"
        try:
            if secret is None:
                port = server.add_insecure_port(address)
            else:
                port = server.add_secure_port(address, secret)
        except RuntimeError as error:
            raise Unavailable(f"gRPC cannot listen on {address}: is the port taken?") from error
        return f"{host}:{port}"

    async def _say(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for name in ("", *SERVICES):
            await self._health.set(name, status)


def _add_reflection(server: grpc.aio.Server) -> None:
    """Offer what there is, under both names of the service.

    Version 1 differs from ``v1alpha`` in its package alone, and the library has no module of it.
    """
    servicer = reflection.aio.ReflectionServicer((*SERVICES, HEALTH, reflection.SERVICE_NAME))
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
    info = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        reflection_pb2.ServerReflectionRequest.FromString,
        reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    handlers = {"ServerReflectionInfo": info}
    handler = grpc.method_handlers_generic_handler(REFLECTION_V1, handlers)
    server.add_generic_rpc_handlers((handler,))


def _options(largest: int) -> list[tuple[str, int]]:
    """Channel arguments, see ``grpc/impl/channel_arg_names.h`` of gRPC; times in milliseconds."""
    return [
        ("grpc.max_receive_message_length", largest),
        ("grpc.max_send_message_length", -1),  # a client says for itself what is too much
        ("grpc.max_metadata_size", 16 * _KIB),
        ("grpc.max_concurrent_streams", 100),  # of one connection
        ("grpc.so_reuseport", 0),  # else a second server would share the port in silence
        # A connection whose other end is gone ends its calls after 90 seconds.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 30_000),
        ("grpc.keepalive_permit_without_calls", 0),
        # Clients may ask every ten seconds whether we are there.
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.max_ping_strikes", 3),
    ]
