"""Claude Code (``claude -p``), steered over stdin; flags and events as of 2.1.

https://code.claude.com/docs/en/cli-reference and /headless; what the real program does beyond
that is recorded in tests/support/README.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from lemnos.domains.agents.ports import (
    AgentEvent,
    AgentRun,
    ErrorClass,
    RunResult,
    RunSpec,
    RuntimeStatus,
)
from lemnos.runners.gateway import RunGateway
from lemnos.runners.process import Exit, Process
from lemnos.runners.runtimes.claude_events import ClaudeEvents
from lemnos.runners.runtimes.files import private_folder, write_private
from lemnos.runners.runtimes.host import Host, environment, mcp_url, model_url
from lemnos.runners.runtimes.install import Program, find, package_file, version
from lemnos.runners.runtimes.run import Command, RefusedRun, start_run

TOOLS = (
    "Bash,BashOutput,KillShell,Read,Edit,MultiEdit,Write,NotebookEdit,Glob,Grep,LS,Task,TodoWrite"
)
RETRIES = 3  # of the CLI itself; its default of 10 takes minutes before a fallback gets its turn
MCP_START_MS = 10_000  # a server that cannot start must not hold up the run for long
_INTERRUPT = {
    "type": "control_request",
    "request_id": "end",
    "request": {"subtype": "interrupt"},
}


class ClaudeCode:
    """The runtime ``claude-code``.

    ``path`` is the operator's own choice of executable; ``tools`` are folders with a
    ``node_modules``. ``RunSpec.options`` may hold ``allowed_tools`` (comma-separated) and
    ``append_system_prompt``.
    """

    name = "claude-code"
    needs: Literal["anthropic", "openai", "none", "any"] = "anthropic"

    def __init__(self, host: Host, path: str = "", tools: Iterable[Path] = ()) -> None:
        self._host = host
        self._path = path
        self._tools = tuple(tools)

    async def probe(self) -> RuntimeStatus:
        """Whether and in which version it is installed."""
        return await version(self._find(), "claude")

    async def start(self, spec: RunSpec) -> AgentRun:
        """Start a run. Failures of any kind end up in its result."""
        found = self._find()
        if found is None:
            return RefusedRun("Claude Code is not installed here.", ErrorClass.NOT_INSTALLED)
        if spec.access.provider != "anthropic":
            return RefusedRun("Claude Code needs a key for Anthropic's API.", ErrorClass.AUTH)
        dialect = _Dialect(spec)
        return await start_run(
            spec, self._host, dialect, lambda gateway: self._command(found, spec, gateway)
        )

    def _find(self) -> Program | None:
        bundled = package_file("claude_agent_sdk", "_bundled", "claude")
        return find("claude", self._path, self._tools, bundled)

    def _command(self, found: Program, spec: RunSpec, gateway: RunGateway) -> Command:
        config = spec.home / ".claude"
        env = environment(self._host, spec, gateway) | {
            "CLAUDE_CONFIG_DIR": str(config),
            "ANTHROPIC_BASE_URL": model_url(gateway),
            "ANTHROPIC_API_KEY": gateway.token,
            "CLAUDE_CODE_MAX_RETRIES": str(RETRIES),
            "MCP_TIMEOUT": str(MCP_START_MS),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
        }
        argv = (*found.argv, *_arguments(spec, _write_mcp_config(spec, gateway)))
        return Command(argv, env, found.read_only)


def _arguments(spec: RunSpec, mcp_config: Path) -> list[str]:
    allowed = str(spec.options.get("allowed_tools", TOOLS))
    allowed += "".join(f",mcp__{server.name}" for server in spec.mcp_servers)
    arguments = [
        "-p", "--verbose", "--input-format", "stream-json", "--output-format", "stream-json",
        "--permission-mode", "acceptEdits", f"--allowedTools={allowed}",
        f"--mcp-config={mcp_config}", "--strict-mcp-config",
        # A repository's own settings may hold hooks, which would run without being asked for.
        "--setting-sources=user",
    ]  # fmt: skip
    if spec.model:
        arguments += ["--model", spec.model]
    if spec.limits.max_turns is not None:
        arguments += ["--max-turns", str(spec.limits.max_turns)]
    if text := spec.options.get("append_system_prompt"):
        arguments += ["--append-system-prompt", str(text)]
    if spec.resume:
        arguments += ["--resume", spec.resume]
    return arguments


def _write_mcp_config(spec: RunSpec, gateway: RunGateway) -> Path:
    """In the agent's home, never in the repository, where it would end up in a pull request."""
    servers: dict[str, Any] = {}
    for server in spec.mcp_servers:
        if server.url:
            servers[server.name] = {
                "type": "http",
                "url": mcp_url(gateway, server),
                "headers": {"Authorization": f"Bearer {gateway.token}"},
            }
        else:
            command, *arguments = server.command
            servers[server.name] = {
                "command": command,
                "args": arguments,
                "env": dict(server.env),
            }
    private_folder(spec.home)
    return write_private(
        spec.home / "mcp-servers.json", msgspec.json.encode({"mcpServers": servers})
    )


class _Dialect:
    """Prompt and interrupt as JSON lines on stdin."""

    def __init__(self, spec: RunSpec) -> None:
        self._prompt = spec.prompt
        self._events = ClaudeEvents(spec.limits.max_turns)

    @property
    def finished(self) -> bool:
        return self._events.finished

    async def begin(self, process: Process) -> None:
        # stdin stays open until the result was read: closed earlier, 2.1 exits before a large
        # last line has left it.
        message = {"role": "user", "content": self._prompt}
        await process.write(_line({"type": "user", "message": message}))

    def events(self, line: bytes) -> Iterable[AgentEvent]:
        return self._events.read(line)

    async def interrupt(self, process: Process) -> bool:
        await process.write(_line(_INTERRUPT))
        process.close_stdin()
        return True

    def result(self, ended: Exit, stderr: str) -> RunResult:
        return self._events.result(ended, stderr)


def _line(message: object) -> bytes:
    return msgspec.json.encode(message) + b"\n"
