"""The built-in agent as a runtime: our own program in the sandbox, with or without a model."""

from __future__ import annotations

import asyncio
import compileall
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

import lemnos
from lemnos.domains.agents.ports import (
    AgentEvent,
    AgentRun,
    ErrorClass,
    EventKind,
    McpServer,
    RunResult,
    RunSpec,
    RuntimeStatus,
    Usage,
    Verdict,
)
from lemnos.runners.builtin.protocol import (
    CANCEL,
    TEST_TIMEOUT,
    Endpoint,
    McpConnection,
    Request,
)
from lemnos.runners.gateway import RunGateway
from lemnos.runners.process import Exit, Process
from lemnos.runners.runtimes.host import Host, environment, mcp_url, model_url
from lemnos.runners.runtimes.run import Command, other_text, start_run

# Isolated: nothing in the workspace can take the place of one of the agent's own modules.
ARGV = (sys.executable, "-I", "-m", "lemnos.runners.builtin")
SHOWN = 16 * 1024  # characters of a tool's input or output in an event's detail
_KINDS = {
    "thinking": EventKind.THINKING,
    "text": EventKind.TEXT,
    "tool_use": EventKind.TOOL_USE,
    "tool_result": EventKind.TOOL_RESULT,
    "file_change": EventKind.FILE_CHANGE,
    "usage": EventKind.USAGE,
    "error": EventKind.ERROR,
    "result": EventKind.RESULT,
}


class BuiltinAgent:
    """The runtime ``builtin``.

    ``RunSpec.options`` may hold ``mode`` ("tools": no model, even where there is one),
    ``test_timeout`` (seconds for one run of the project's tests) and ``operation`` (a refactoring
    to carry out instead of the prompt; see lemnos.runners.builtin.refactorings).
    """

    name = "builtin"
    needs: Literal["anthropic", "openai", "none", "any"] = "any"

    def __init__(self, host: Host) -> None:
        self._host = host

    async def probe(self) -> RuntimeStatus:
        """It is always there; compiles it ahead, as inside the sandbox that cannot be kept."""
        package = Path(lemnos.__file__).parent / "runners" / "builtin"
        await asyncio.to_thread(compileall.compile_dir, package, quiet=2)
        return RuntimeStatus(True, version=lemnos.__version__)

    async def start(self, spec: RunSpec) -> AgentRun:
        """Start a run. Failures of any kind end up in its result."""
        dialect = _Dialect(spec)

        def command(gateway: RunGateway) -> Command:
            dialect.request = _request(spec, gateway)
            return Command(ARGV, environment(self._host, spec, gateway), _installation())

        return await start_run(spec, self._host, dialect, command)


def _request(spec: RunSpec, gateway: RunGateway) -> Request:
    endpoint = None
    if spec.access.provider != "none" and spec.options.get("mode") != "tools":
        endpoint = Endpoint(spec.access.provider, model_url(gateway), gateway.token)
    return Request(
        prompt=spec.prompt,
        sessions=str(spec.home / "builtin-sessions"),
        resume=spec.resume,
        model=spec.model,
        endpoint=endpoint,
        mcp_servers=tuple(_connection(server, gateway) for server in spec.mcp_servers),
        max_turns=spec.limits.max_turns,
        test_timeout=float(spec.options.get("test_timeout", TEST_TIMEOUT)),
        operation=spec.options.get("operation"),
    )


def _connection(server: McpServer, gateway: RunGateway) -> McpConnection:
    if not server.url:
        return McpConnection(server.name, server.command, env=dict(server.env))
    headers = {"Authorization": f"Bearer {gateway.token}"}
    return McpConnection(server.name, url=mcp_url(gateway, server), headers=headers)


def _installation() -> tuple[Path, ...]:
    """The folders that Lemnos and its libraries are installed in."""
    folders = {Path(sys.prefix), Path(lemnos.__file__).parents[1]} - {Path(sys.base_prefix)}
    return tuple(
        folder for folder in sorted(folders) if not any(o in folder.parents for o in folders)
    )


class _Line(msgspec.Struct):
    """All line types in one; see lemnos.runners.builtin.protocol."""

    type: str
    text: str = ""
    id: str = ""
    tool: str = ""
    input: msgspec.Raw = msgspec.Raw(b"")
    is_error: bool = False
    path: str = ""
    change: str = ""
    error: str = ""
    error_class: ErrorClass = ErrorClass.NONE
    session: str = ""
    mode: str = ""
    verdict: Verdict = Verdict.FAILED
    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


_line = msgspec.json.Decoder(_Line)


class _Dialect:
    """The request as a line on stdin; events as lines on stdout."""

    def __init__(self, spec: RunSpec) -> None:
        self.request: Request | None = None
        self._workspace = spec.workspace
        self._session = spec.resume
        self._end: _Line | None = None

    @property
    def finished(self) -> bool:
        return self._end is not None

    async def begin(self, process: Process) -> None:
        assert self.request is not None  # made together with the command
        await process.write(self.request.encode())

    def events(self, line: bytes) -> Iterable[AgentEvent]:
        try:
            said = _line.decode(line)
        except msgspec.DecodeError:
            return (other_text(line),)
        if said.type == "started":
            self._session = said.session
        elif said.type == "result":
            self._end = said
        kind = _KINDS.get(said.type, EventKind.OTHER)
        if said.path:
            said.path = str(self._workspace / said.path)
        return (AgentEvent(kind, line, _detail(kind, said)),)

    async def interrupt(self, process: Process) -> bool:
        await process.write(CANCEL)
        return True

    def result(self, ended: Exit, stderr: str) -> RunResult:
        end = self._end
        if end is None:
            how = f"signal {ended.signal}" if ended.code is None else f"exit code {ended.code}"
            error = f"The built-in agent ended without a result ({how}). {stderr}".strip()
            return RunResult(
                Verdict.FAILED, error=error, error_class=ErrorClass.AGENT, session=self._session
            )
        return RunResult(
            verdict=end.verdict,
            text=end.text,
            error=end.error,
            error_class=end.error_class,
            usage=Usage(end.input_tokens, end.output_tokens, _cost(end)),
            session=end.session,
            turns=end.turns,
        )


def _cost(end: _Line) -> float | None:
    """Tools on this machine are free; what a model costs, the gateway's meter knows."""
    return None if end.input_tokens or end.output_tokens else 0.0


def _detail(kind: EventKind, said: _Line) -> dict[str, Any]:
    """The fields that belong to the kind; long ones are cut, the raw line has them whole."""
    match kind:
        case EventKind.TOOL_USE:
            shown = bytes(said.input) if len(said.input) <= SHOWN else b"{}"
            return {"id": said.id, "tool": said.tool, "input": msgspec.json.decode(shown or b"{}")}
        case EventKind.TOOL_RESULT:
            text = said.text[:SHOWN]
            return {"id": said.id, "tool": said.tool, "text": text, "is_error": said.is_error}
        case EventKind.FILE_CHANGE:
            return {"path": said.path, "change": said.change}
        case EventKind.USAGE:
            return {"input_tokens": said.input_tokens, "output_tokens": said.output_tokens}
        case EventKind.RESULT:
            is_error = said.verdict != Verdict.COMPLETED
            detail = {"text": said.text[:SHOWN], "is_error": is_error, "turns": said.turns}
            return detail | {"session": said.session}
        case EventKind.ERROR:
            return {"text": said.text, "error_class": said.error_class}
        case EventKind.OTHER:
            return {"type": said.type, "session": said.session, "mode": said.mode}
    return {"text": said.text[:SHOWN]}
