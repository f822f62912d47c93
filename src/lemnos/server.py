"""The life of a server: it listens at once, starts its parts, serves, drains, and stops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from lemnos.api.kit.protocol import BoundedProtocol
from lemnos.api.kit.readiness import Phase
from lemnos.foundation import TENANT, database_url
from lemnos.kernel.background import cancelled
from lemnos.kernel.context import system_context
from lemnos.kernel.errors import LemnosError
from lemnos.main.build import Server, build
from lemnos.main.grpc import make_grpc
from lemnos.platform.db.migrate import ensure_schema
from lemnos.platform.identity import NewKey
from lemnos.platform.leftovers import end_leftovers, own
from lemnos.platform.telemetry.log import adopt_libraries
from lemnos.probes import add_probes, count_endings
from lemnos.settings import Settings

if TYPE_CHECKING:
    from lemnos.grpc.server import GrpcServer

# Allocations between two collections of each generation. A request makes hundreds, nearly all of
# them without cycles.
_GC_THRESHOLDS = (10_000, 20, 20)
_HOURLY = 3600.0
_LONGEST_WAIT = 30.0  # seconds between two tries to start the engine
_SWITCH = 0.0005  # seconds for which a thread may keep the interpreter from the others
_CUT_OFF = 5  # seconds that open connections, and then each part, get at the end


def serve(settings: Settings) -> int:
    """Run a server until it is told to stop; the exit status of the process."""
    own(f"{settings.data_dir}:{settings.node}")
    server = build(settings)
    adopt_libraries(server.platform.log)
    http = HttpServer(server)
    http.run()
    return http.exit_status


class HttpServer(uvicorn.Server):
    """uvicorn, which drains before it stops: a first signal asks for it, a second one cuts off."""

    def __init__(self, server: Server) -> None:
        settings = server.settings
        super().__init__(
            uvicorn.Config(
                server.gate,
                interface="asgi3",
                host=settings.host,
                port=settings.port,
                loop="uvloop",
                http=BoundedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # anyone could write them: an address is the connection's
                timeout_graceful_shutdown=_CUT_OFF,
            )
        )
        self._server = server
        self._life = Life(server)
        self._draining: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self.exit_status = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen first, then start the rest: until then ``/ready`` says that it is starting."""
        await super().startup(sockets)
        if self.should_exit:  # the address is taken; uvicorn has said so
            self.exit_status = 1
            return
        self._starting = asyncio.create_task(self._start())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the connections, then what is under them."""
        if self._starting is not None:
            await cancelled(self._starting)
        self._server.core.readiness.drain()  # streams that were opened since the first signal
        await super().shutdown(sockets)
        await self._life.stop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal."""
        if self._draining is not None or sig == signal.SIGQUIT:
            self.should_exit = self.force_exit = True
            return
        self._draining = asyncio.ensure_future(self._drain())

    async def _start(self) -> None:
        try:
            await self._life.start()
        except LemnosError as error:
            self._fail(error.message)
        except Exception as error:
            self._fail(repr(error))
        else:
            self._life.announce(self._url())

    def _fail(self, message: str) -> None:
        self._server.platform.log.error("cannot start", error=message)
        self.exit_status = 1
        self.should_exit = True

    async def _drain(self) -> None:
        await self._life.drain()
        self.should_exit = True

    def _url(self) -> str:
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{port}"


class Life:
    """Starts and stops the parts of a server, in order."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._upkeep: list[asyncio.Task[None]] = []
        self._running: list[Callable[[], Awaitable[None]]] = []
        self._announced = False
        self._grpc: GrpcServer | None = None

    async def start(self) -> None:
        """Bring everything up; the server is ready afterwards."""
        server, platform = self._server, self._server.platform
        await asyncio.to_thread(ensure_schema, database_url(server.settings))
        for begin, end in (
            (platform.db.start, platform.db.stop),
            (platform.sealer.start, platform.sealer.stop),
            (platform.notifier.start, platform.notifier.stop),
            (platform.identity.start, platform.identity.stop),
            (platform.dispatcher.start, platform.dispatcher.stop),
        ):
            await begin()
            self._running.append(end)
        await self._end_leftovers()
        if server.settings.on_loopback:
            await ensure_owner_key(server)
        elif not await platform.api_keys.list_keys(system_context(TENANT, "first-start")):
            platform.log.warning("no API key yet", hint="make one with `lemnos keys create`")
        add_probes(server)
        count_endings(platform.metrics, server.recorder)
        self._upkeep = [
            # The engine takes most of a second to load. Work is accepted meanwhile: it waits in
            # the database.
            asyncio.create_task(self._start_engine(), name="engine-start"),
            *(_every(seconds, work) for seconds, work in server.upkeep),
        ]
        if platform.leases is not None:
            self._upkeep.append(_every(_HOURLY, platform.leases.prune))
        await self._start_grpc()
        settle_memory()
        server.core.readiness.phase = Phase.READY

    async def _start_grpc(self) -> None:
        self._grpc = make_grpc(self._server)
        if self._grpc is None:
            return
        await self._grpc.start()
        if not (self._grpc.secure or self._server.settings.on_loopback):
            self._server.platform.log.warning(
                "gRPC takes API keys in clear text", hint="set grpc_tls_cert and grpc_tls_key"
            )

    async def _start_engine(self) -> None:
        """Take up work, as soon as that can be done."""
        server = self._server
        wait = 1.0
        while True:
            try:
                await server.platform.engine.start()
            except Exception as error:  # whatever it is, accepted work must not wait for a restart
                server.platform.log.error("engine waits", error=repr(error))
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)
            else:
                server.core.readiness.working = True
                settle_memory()
                return

    async def drain(self) -> None:
        """Take no new work, let what runs come to an end, up to the limit of the settings."""
        server = self._server
        server.platform.log.info("draining", running=server.runner.active)
        server.core.readiness.drain()
        if self._grpc is not None:
            await self._grpc.drain()
        await server.platform.engine.drain(server.settings.drain)

    async def stop(self) -> None:
        """Stop what still runs, in reverse order; nothing that was accepted is lost."""
        server, platform = self._server, self._server.platform
        server.core.readiness.drain()
        if self._grpc is not None:
            await self._end(self._grpc.stop)
        for task in self._upkeep:
            await cancelled(task)
        await platform.engine.drain(0)
        platform.hub.stop()
        for end in reversed(self._running):
            await self._end(end)
        for close in server.closing:
            if (closed := close()) is not None:
                await closed
        platform.tracer.close()
        if self._announced:  # else the file is that of another server on this data folder
            _server_file(server.settings).unlink(missing_ok=True)
        platform.log.info("stopped")

    async def _end(self, end: Callable[[], Awaitable[None]]) -> None:
        """One part that can't be stopped, as the database is away, must not hold up the rest."""
        try:
            async with asyncio.timeout(_CUT_OFF):
                await end()
        except (LemnosError, TimeoutError) as error:
            name = getattr(end, "__qualname__", repr(end))
            self._server.platform.log.warning("stopped halfway", part=name, error=repr(error))

    def announce(self, url: str) -> None:
        """Tell people, and the CLI through a file, where the server is."""
        settings = self._server.settings
        self._announced = True
        where = {"url": url} if self._grpc is None else {"url": url, "grpc": self._grpc.address}
        _server_file(settings).write_text(json.dumps({**where, "pid": os.getpid()}))
        self._server.platform.log.info(
            "ready", **where, docs=f"{url}/api/docs", data=str(settings.data_dir)
        )

    async def _end_leftovers(self) -> None:
        """Not before the database is open: only now this is sure to be the one server."""
        if ended := await asyncio.to_thread(end_leftovers):
            self._server.platform.log.warning("ended what a killed server left", processes=ended)


async def ensure_owner_key(server: Server) -> None:
    """At the first start on a loopback address, make a key that the CLI finds by itself."""
    path = server.settings.data_dir / "api.key"
    if path.exists():
        return
    ctx = system_context(TENANT, "first-start")
    _, secret = await server.platform.api_keys.create_key(ctx, NewKey("owner", ("owner",)))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{secret}\n")


def settle_memory() -> None:
    """What is there after the start stays: the collector need not look at it again and again.

    Each full round over these quarter of a million objects would hold up every request for 0.2 s;
    so would one now, to find nothing. And a thread that waits for the interpreter gets it sooner.
    """
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.enable()
    sys.setswitchinterval(_SWITCH)


def _server_file(settings: Settings) -> Path:
    return settings.data_dir / "server.json"


def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> asyncio.Task[None]:
    async def loop() -> None:
        while True:
            with contextlib.suppress(LemnosError):  # tried again the next time
                await work()
            await asyncio.sleep(seconds)

    return asyncio.create_task(loop(), name=f"upkeep-{getattr(work, '__name__', 'work')}")
