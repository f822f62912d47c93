"""The gRPC server, put together; gRPC is loaded where it is switched on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lemnos.kernel.errors import Invalid
from lemnos.main.build import Server

if TYPE_CHECKING:
    from lemnos.grpc.server import GrpcServer


def make_grpc(server: Server) -> GrpcServer | None:
    """The server of the gRPC services; None where the settings have none."""
    settings, core, platform = server.settings, server.core, server.platform
    if settings.grpc_port < 0:
        return None
    if settings.grpc_port and settings.grpc_port == settings.port:
        raise Invalid("port and grpc_port must differ.", code="invalid_settings")
    # What its C core has to say is not for people, and no JSON as the lines of our log are.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    from lemnos.grpc.admission import Guards
    from lemnos.grpc.server import GrpcServer, Listening, Services

    listening = Listening(
        settings.host,
        settings.grpc_port,
        certificate=settings.grpc_tls_cert,
        key=settings.grpc_tls_key,
        largest=settings.body_limit,
    )
    services = Services(core.door, core.operations, core.guard_rails, core.cleanup, core.analytics)
    guards = Guards(
        identity=platform.identity,
        limiter=platform.limiter,
        audit=platform.audit,
        metrics=platform.metrics,
        log=platform.log,
        tracer=platform.tracer,
        log_requests=settings.log_requests == "on",
    )
    return GrpcServer(listening, services, guards)
