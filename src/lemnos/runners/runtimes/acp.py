"""Any agent that speaks the Agent Client Protocol, as the runtime ``acp:<name>``.

https://agentclientprotocol.com: JSON-RPC 2.0 in lines over stdio, here through the
`agent-client-protocol` package, which is imported at the first start.

The client offers neither its file system nor terminals: the agent sits in the sandbox with the
workspace and needs no one outside of it to read, write or run anything. What a confined agent asks
permission for is allowed, as far as it names no path outside of workspace, home and /tmp.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from lemnos.domains.agents.ports import (
    AgentEvent,
    AgentRun,
    ErrorClass,
    RunResult,
    RunSpec,
    RuntimeStatus,
    Usage,
    Verdict,
)
from lemnos.runners.gateway import RunGateway
from lemnos.runners.process import Exit, Process
from lemnos.runners.runtimes.acp_events import AcpEvents
from lemnos.runners.runtimes.host import Host, environment, mcp_url, model_url
from lemnos.runners.runtimes.install import program
from lemnos.runners.runtimes.run import Command, RefusedRun, start_run

if TYPE_CHECKING:
    from acp import InitializeResponse
    from acp.client.connection import ClientSideConnection
    from acp.schema import (
        HttpMcpServer,
        McpServerStdio,
        NewSessionResponse,
        PermissionOption,
        PromptResponse,
        RequestPermissionResponse,
        ToolCallUpdate,
    )

AUTH_REQUIRED = -32000
CANCEL_SECONDS = 4.0  # for the agent to answer its prompt with "cancelled"
_STOPPED = {
    "max_tokens": "The agent ran into the model's token limit.",
    "max_turn_requests": "The agent ran into its own limit of model requests.",
    "refusal": "The agent refused to go on.",
}


@dataclass(frozen=True, slots=True)
class AcpAgent:
    """How to start one agent. ``env`` is added to its environment; ``read_only`` it may read."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    read_only: tuple[Path, ...] = ()


class AcpRuntime:
    """The runtime ``acp:<name>``.

    ``spec.model`` and ``limits.max_turns`` have no counterpart in the protocol and are not passed
    on; time and budget are held from outside. The model's endpoint is in the environment, under
    the names that Anthropic's and OpenAI's own SDKs read.
    """

    needs: Literal["anthropic", "openai", "none", "any"] = "any"

    def __init__(self, host: Host, agent: AcpAgent) -> None:
        self.name = f"acp:{agent.name}"
        self._host = host
        self._agent = agent

    async def probe(self) -> RuntimeStatus:
        """Whether its program is there. Its version is known only once it runs."""
        if not self._executable():
            return RuntimeStatus(False, problem=f"{self._agent.command[0]} was not found")
        return RuntimeStatus(True)

    async def start(self, spec: RunSpec) -> AgentRun:
        """Start a run. Failures of any kind end up in its result."""
        executable = self._executable()
        if not executable:
            problem = f"{self._agent.command[0]} was not found."
            return RefusedRun(problem, ErrorClass.NOT_INSTALLED)
        dialect = _Dialect(spec)

        def command(gateway: RunGateway) -> Command:
            dialect.gateway = gateway
            env = environment(self._host, spec, gateway) | _model_environment(spec, gateway)
            installed = program(Path(executable))
            argv = (executable, *self._agent.command[1:])
            return Command(
                argv, env | dict(self._agent.env), (*installed.read_only, *self._agent.read_only)
            )

        return await start_run(spec, self._host, dialect, command)

    def _executable(self) -> str:
        return shutil.which(self._agent.command[0]) or ""


def _model_environment(spec: RunSpec, gateway: RunGateway) -> dict[str, str]:
    match spec.access.provider:
        case "anthropic":
            names = ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY")
        case "openai":
            names = ("OPENAI_BASE_URL", "OPENAI_API_KEY")
        case _:
            return {}
    return dict(zip(names, (model_url(gateway), gateway.token), strict=True))


class _Refusal(Exception):
    """The agent cannot do what the run needs of it."""


class _Dialect:
    """One conversation: initialize, a session, one prompt; the package holds the protocol."""

    def __init__(self, spec: RunSpec) -> None:
        self.gateway: RunGateway | None = None
        self._spec = spec
        self._events = AcpEvents()
        self._wire: _Wire | None = None
        self._connection: ClientSideConnection | None = None
        self._early: list[bytes] = []
        self._session = ""
        self._prompted = asyncio.Event()
        self._answer: PromptResponse | None = None
        self._error = ""
        self._error_class = ErrorClass.AGENT
        self._over = False

    @property
    def finished(self) -> bool:
        return self._over

    async def begin(self, process: Process) -> None:
        """Hold the whole conversation; returns when the prompt has its answer."""
        from acp import RequestError, connect_to_agent

        self._wire = _Wire(process)
        client: Any = _Client(self._spec)  # offers nothing that it does not declare
        connection = self._connection = connect_to_agent(client, self._wire)
        try:
            await self._converse(connection)
        except RequestError as error:
            needs_login = error.code == AUTH_REQUIRED
            self._error_class = ErrorClass.AUTH if needs_login else ErrorClass.AGENT
            self._error = f"{error}: {error.data}" if error.data else str(error)
        except (ValueError, _Refusal) as error:
            self._error = f"The agent does not keep to the protocol: {error}"
            if isinstance(error, _Refusal):
                self._error = str(error)
        finally:
            self._prompted.set()
            await connection.close()
        self._over = True
        process.nudge()  # the line that answered the prompt has been read before this point

    def events(self, line: bytes) -> Iterable[AgentEvent]:
        if self._wire is not None:
            self._wire.deliver(line)
        return self._events.read(line)

    async def interrupt(self, process: Process) -> bool:
        if self._connection is None or not self._session:
            return False
        await self._connection.cancel(self._session)
        try:
            await asyncio.wait_for(self._prompted.wait(), CANCEL_SECONDS)
        except TimeoutError:
            return False
        process.close_stdin()
        return True

    def result(self, ended: Exit, stderr: str) -> RunResult:
        usage = self._events.usage
        if self._answer is not None and (told := self._answer.usage):
            usage = Usage(told.input_tokens, told.output_tokens, usage.cost_usd)
        verdict, error, error_class = self._verdict(ended, stderr)
        return RunResult(
            verdict=verdict,
            text=self._events.closing_text,
            error=error,
            error_class=error_class,
            usage=usage,
            session=self._session,
            turns=1 if self._answer else 0,
        )

    def _verdict(self, ended: Exit, stderr: str) -> tuple[Verdict, str, ErrorClass]:
        if self._error:
            return Verdict.FAILED, self._error, self._error_class
        if self._answer is None:
            how = f"signal {ended.signal}" if ended.code is None else f"exit code {ended.code}"
            error = f"The agent ended without an answer ({how}). {stderr}".strip()
            return Verdict.FAILED, error, ErrorClass.AGENT
        reason = self._answer.stop_reason
        if reason == "cancelled":
            return Verdict.CANCELLED, "The agent was cancelled.", ErrorClass.NONE
        if reason != "end_turn":
            return Verdict.FAILED, _STOPPED[reason], ErrorClass.AGENT
        return Verdict.COMPLETED, "", ErrorClass.NONE

    # --- the conversation ---------------------------------------------------------------------

    async def _converse(self, connection: ClientSideConnection) -> None:
        from acp import PROTOCOL_VERSION, text_block
        from acp.schema import Implementation

        ready = await connection.initialize(
            PROTOCOL_VERSION, client_info=Implementation(name="lemnos", version="1")
        )
        if ready.protocol_version != PROTOCOL_VERSION:
            spoken = f"version {ready.protocol_version} of the protocol"
            raise _Refusal(f"The agent speaks {spoken}, not {PROTOCOL_VERSION}.")
        self._session = await self._open_session(connection, ready)
        self._events.live = True
        self._answer = await connection.prompt(self._session, [text_block(self._spec.prompt)])

    async def _open_session(
        self, connection: ClientSideConnection, ready: InitializeResponse
    ) -> str:
        offers = ready.agent_capabilities
        servers = self._mcp_servers(http=bool(offers and _flag(offers, "mcp_capabilities", "http")))
        cwd, resume = str(self._spec.workspace), self._spec.resume
        if not resume:
            opened: NewSessionResponse = await connection.new_session(cwd, mcp_servers=servers)
            return opened.session_id
        if offers and offers.load_session:
            await connection.load_session(cwd, resume, mcp_servers=servers)
        elif offers and _flag(offers, "session_capabilities", "resume"):
            await connection.resume_session(resume, cwd, mcp_servers=servers)
        else:
            raise _Refusal("This agent cannot take up an earlier session, so it can't follow up.")
        return resume

    def _mcp_servers(self, *, http: bool) -> list[Any]:
        return [self._mcp_server(server.name, http=http) for server in self._spec.mcp_servers]

    def _mcp_server(self, name: str, *, http: bool) -> HttpMcpServer | McpServerStdio:
        from acp.schema import EnvVariable, HttpHeader, HttpMcpServer, McpServerStdio

        assert self.gateway is not None  # set before the agent is started
        server = next(s for s in self._spec.mcp_servers if s.name == name)
        if server.url:
            if not http:
                raise _Refusal(f"This agent cannot use MCP servers over HTTP, such as {name}.")
            token = HttpHeader(name="Authorization", value=f"Bearer {self.gateway.token}")
            url = mcp_url(self.gateway, server)
            return HttpMcpServer(type="http", name=name, url=url, headers=[token])
        command, *arguments = server.command
        env = [EnvVariable(name=key, value=value) for key, value in server.env.items()]
        return McpServerStdio(name=name, command=command, args=arguments, env=env)


def _flag(offers: Any, group: str, name: str) -> bool:
    return bool(getattr(getattr(offers, group, None), name, None))


class _Wire:
    """The package's message transport over the run's process; lines may be of any length."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._messages: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    def deliver(self, line: bytes) -> None:
        """Hand a line of the agent's to the connection; what is no message is left out."""
        try:
            message = msgspec.json.decode(line)
        except msgspec.DecodeError:
            return
        if isinstance(message, dict):
            self._messages.put_nowait(message)

    async def send(self, message: dict[str, Any]) -> None:
        await self._process.write(msgspec.json.encode(message) + b"\n")

    async def receive(self) -> dict[str, Any] | None:
        return await self._messages.get()

    async def close(self) -> None:
        self._messages.put_nowait(None)


class _Client:
    """What the agent may ask of us: permissions. Updates are read from the lines themselves."""

    def __init__(self, spec: RunSpec) -> None:
        self._inside = tuple(map(str, (spec.workspace, spec.home, "/tmp")))  # noqa: S108
        self._workspace = str(spec.workspace)

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        """Nothing to do."""

    async def request_permission(
        self, session_id: str, tool_call: ToolCallUpdate, options: list[PermissionOption], **_: Any
    ) -> RequestPermissionResponse:
        """Allow once what stays inside, reject what does not."""
        from acp.schema import AllowedOutcome, DeniedOutcome, RequestPermissionResponse

        paths = [location.path for location in tool_call.locations or ()]
        wanted = "allow" if all(map(self._is_inside, paths)) else "reject"
        for kind in (f"{wanted}_once", f"{wanted}_always"):
            for option in options:
                if option.kind == kind:
                    chosen = AllowedOutcome(outcome="selected", option_id=option.option_id)
                    return RequestPermissionResponse(outcome=chosen)
        return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))

    def _is_inside(self, path: str) -> bool:
        absolute = os.path.normpath(os.path.join(self._workspace, path))
        return any(f"{absolute}/".startswith(f"{folder}/") for folder in self._inside)
