"""Codex (``codex exec --json``), configured by a CODEX_HOME of its own; as of 0.169.

https://developers.openai.com/codex/noninteractive and /codex/config-reference; what the real
program does beyond that is recorded in tests/support/README.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from lemnos.domains.agents.ports import (
    AgentEvent,
    AgentRun,
    ErrorClass,
    McpServer,
    RunResult,
    RunSpec,
    RuntimeStatus,
)
from lemnos.runners.gateway import RunGateway
from lemnos.runners.process import Exit, Process
from lemnos.runners.runtimes.codex_events import CodexEvents
from lemnos.runners.runtimes.files import private_folder, write_private
from lemnos.runners.runtimes.host import Host, environment, mcp_url, model_url
from lemnos.runners.runtimes.install import Program, find, version
from lemnos.runners.runtimes.run import Command, RefusedRun, start_run

DEFAULT_MODEL = "gpt-5.5"
TOKEN = "LEMNOS_RUN_TOKEN"  # noqa: S105  the name of an environment variable
REQUEST_RETRIES = 3
STREAM_RETRIES = 3
# What calls out by itself, runs what a repository brings along, retries for ever, or hides the
# model's name from the gateway (compressed requests).
_OFF = (
    "apps",
    "enable_request_compression",
    "hooks",
    "plugin_sharing",
    "plugins",
    "remote_plugin",
    "skill_mcp_dependency_install",
    "skill_search",
    "unbounded_connection_retries",
)


class Codex:
    """The runtime ``codex``. ``path`` and ``tools`` as for Claude Code."""

    name = "codex"
    needs: Literal["anthropic", "openai", "none", "any"] = "openai"

    def __init__(self, host: Host, path: str = "", tools: Iterable[Path] = ()) -> None:
        self._host = host
        self._path = path
        self._tools = tuple(tools)

    async def probe(self) -> RuntimeStatus:
        """Whether and in which version it is installed."""
        return await version(self._find(), "codex")

    async def start(self, spec: RunSpec) -> AgentRun:
        """Start a run. Failures of any kind end up in its result."""
        found = self._find()
        if found is None:
            return RefusedRun("Codex is not installed here.", ErrorClass.NOT_INSTALLED)
        if spec.access.provider != "openai":
            return RefusedRun("Codex needs a key for OpenAI's API.", ErrorClass.AUTH)
        return await start_run(
            spec,
            self._host,
            _Dialect(spec),
            lambda gateway: self._command(found, spec, gateway),
            max_calls=spec.limits.max_turns,
        )

    def _find(self) -> Program | None:
        found = find("codex", self._path, self._tools)
        return None if found is None else _native(found)

    def _command(self, found: Program, spec: RunSpec, gateway: RunGateway) -> Command:
        home = private_folder(spec.home / ".codex")
        write_private(home / "config.toml", _config(spec, gateway).encode())
        env = environment(self._host, spec, gateway)
        tools = [str(folder / "codex-path") for folder in found.read_only]
        env |= {
            "CODEX_HOME": str(home),
            # Under the temporary folder Codex makes no helpers, and its own sandbox needs them.
            "TMPDIR": str(private_folder(spec.home / ".tmp")),
            TOKEN: gateway.token,
            "PATH": os.pathsep.join([*tools, env["PATH"]]),
        }
        return Command((*found.argv, *self._arguments(spec)), env, found.read_only)

    def _arguments(self, spec: RunSpec) -> list[str]:
        arguments = ["exec", "resume"] if spec.resume else ["exec"]
        arguments += ["--json", "--skip-git-repo-check"]
        if self._host.sandbox.isolated:
            arguments.append("--dangerously-bypass-approvals-and-sandbox")
        else:
            arguments += ["-c", 'approval_policy="never"', "-c", 'sandbox_mode="workspace-write"']
        if spec.resume:
            arguments.append(spec.resume)
        return [*arguments, "-"]  # the prompt comes on stdin, where its length has no limit


def _native(found: Program) -> Program:
    """The binary under npm's wrapper: a wrapper that is killed leaves it running."""
    script = Path(found.argv[0])
    if script.suffix != ".js":
        return found
    package = script.parent.parent
    for folder in (package, package.parent, package / "node_modules" / "@openai"):
        for binary in sorted(folder.glob("codex-*/vendor/*/bin/codex")):
            return Program((str(binary),), (binary.parent.parent,))
    return found


def _config(spec: RunSpec, gateway: RunGateway) -> str:
    """The whole config.toml. Nothing of the repository's own .codex folder is trusted."""
    settings: dict[str, Any] = {
        "model": spec.model or DEFAULT_MODEL,
        "model_provider": "lemnos",
        "check_for_update_on_startup": False,
        "analytics": {"enabled": False},
        "features": dict.fromkeys(_OFF, False),
        "model_providers": {
            "lemnos": {
                "name": "lemnos",
                "base_url": model_url(gateway),
                "env_key": TOKEN,
                "wire_api": "responses",
                "request_max_retries": REQUEST_RETRIES,
                "stream_max_retries": STREAM_RETRIES,
            }
        },
        "projects": {str(spec.workspace): {"trust_level": "untrusted"}},
        "mcp_servers": {server.name: _mcp(server, gateway) for server in spec.mcp_servers},
    }
    return "".join(f"{key} = {_toml(value)}\n" for key, value in settings.items())


def _mcp(server: McpServer, gateway: RunGateway) -> dict[str, Any]:
    if server.url:
        return {"url": mcp_url(gateway, server), "bearer_token_env_var": TOKEN}
    command, *arguments = server.command
    return {"command": command, "args": arguments, "env": dict(server.env)}


def _toml(value: object) -> str:
    """A value in TOML 1.0; JSON's strings, numbers and booleans are valid TOML."""
    if isinstance(value, Mapping):
        pairs = (f"{_toml(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


class _Dialect:
    """The prompt on stdin; it can only be interrupted by a signal."""

    def __init__(self, spec: RunSpec) -> None:
        self._prompt = spec.prompt
        self._events = CodexEvents(spec.resume)

    @property
    def finished(self) -> bool:
        return self._events.finished

    async def begin(self, process: Process) -> None:
        await process.write(self._prompt.encode())
        process.close_stdin()

    def events(self, line: bytes) -> Iterable[AgentEvent]:
        return self._events.read(line)

    async def interrupt(self, process: Process) -> bool:
        return False

    def result(self, ended: Exit, stderr: str) -> RunResult:
        return self._events.result(ended, stderr)
