"""Runs of the real Claude Code and Codex against the model endpoint, each in a home of its own.

These are for trying the CLIs themselves; Lemnos has runtimes of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Event = dict[str, Any]
CLAUDE_STREAM = ("-p", "--output-format", "stream-json", "--verbose")
CLAUDE_ALLOW = (
    "--permission-mode",
    "acceptEdits",
    "--allowedTools",
    "Bash,Read,Edit,Write,mcp__notes__note",
)
CODEX_BYPASS = ("--json", "--dangerously-bypass-approvals-and-sandbox", "--skip-git-repo-check")
PLACEHOLDER = "sk-placeholder"
RUN_TIMEOUT = 90


@dataclass(frozen=True)
class Run:
    """A finished run: its events in order and its exit code."""

    events: list[Event]
    exit_code: int
    stderr: str

    def of_type(self, *kinds: str) -> list[Event]:
        return [event for event in self.events if event["type"] in kinds]

    @property
    def last(self) -> Event:
        return self.events[-1]


@dataclass(frozen=True)
class Claude:
    """Claude Code with its home under `home`, working in `cwd`, asking `endpoint` (a URL)."""

    program: Path
    home: Path
    cwd: Path
    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "CLAUDE_CONFIG_DIR": str(self.home / "claude"),
            "ANTHROPIC_BASE_URL": self.endpoint,
            "ANTHROPIC_API_KEY": PLACEHOLDER,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "2",
            "DISABLE_AUTOUPDATER": "1",
        }

    def run(self, prompt: str, *flags: str, **environment: str) -> Run:
        """One prompt as an argument; stdin is empty."""
        command = [str(self.program), *CLAUDE_STREAM, *flags, "--", prompt]
        return _run(command, self.cwd, self.environment | environment)

    @contextmanager
    def talk(self, *flags: str) -> Iterator[ClaudeTalk]:
        """A process that takes its prompts over stdin; it is killed at the end if need be."""
        command = [str(self.program), *CLAUDE_STREAM, "--input-format", "stream-json", *flags]
        process = subprocess.Popen(
            command,
            cwd=self.cwd,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        with process:
            try:
                yield ClaudeTalk(process)
            finally:
                process.kill()


@dataclass(frozen=True)
class ClaudeTalk:
    """Claude Code's stdin protocol: JSON objects, one a line, both ways."""

    process: subprocess.Popen[str]

    def prompt(self, text: str) -> None:
        self._send({"type": "user", "message": {"role": "user", "content": text}})

    def interrupt(self) -> None:
        request = {"subtype": "interrupt"}
        self._send({"type": "control_request", "request_id": "stop", "request": request})

    def decide(self, request: Event, decision: Event) -> None:
        """Answer a `can_use_tool` request."""
        response = {"subtype": "success", "request_id": request["request_id"]}
        self._send({"type": "control_response", "response": response | {"response": decision}})

    def read_until(self, condition: Callable[[Event], bool]) -> list[Event]:
        """The events up to the first that meets the condition. EOFError when it never comes."""
        assert self.process.stdout is not None
        seen: list[Event] = []
        for line in self.process.stdout:
            seen.append(json.loads(line))
            if condition(seen[-1]):
                return seen
        raise EOFError(f"the output ended after {[event['type'] for event in seen]}")

    def result(self) -> Event:
        """Read to the end of the current prompt."""
        return self.read_until(lambda event: event["type"] == "result")[-1]

    def finish(self) -> int:
        """Close stdin and wait; returns the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(RUN_TIMEOUT)

    def _send(self, message: Event) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()


@dataclass(frozen=True)
class Codex:
    """Codex with its CODEX_HOME under `home`, working in `cwd`, asking `endpoint` (a URL).

    `mcp` is TOML for its configuration, such as a `[mcp_servers.notes]` table.
    """

    program: Path
    home: Path
    cwd: Path
    endpoint: str
    model: str = "gpt-5.5"
    mcp: str = ""

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "CODEX_HOME": str(self.home / "codex"),
            "OPENAI_API_KEY": PLACEHOLDER,
        }

    def configure(self) -> None:
        folder = self.home / "codex"
        folder.mkdir(exist_ok=True, parents=True)
        provider = {
            "name": "scripted",
            "base_url": f"{self.endpoint}/v1",
            "env_key": "OPENAI_API_KEY",
            "wire_api": "responses",
        }
        lines = [f'model = "{self.model}"', 'model_provider = "scripted"']
        lines += ["[model_providers.scripted]", "request_max_retries = 2", "stream_max_retries = 2"]
        lines += [f'{name} = "{value}"' for name, value in provider.items()]
        (folder / "config.toml").write_text("\n".join([*lines, self.mcp, ""]))

    def run(self, prompt: str, *flags: str, resume: str | None = None) -> Run:
        """One prompt; `resume` names the thread to go on with."""
        self.configure()
        thread = ["resume", *CODEX_BYPASS, *flags, resume] if resume else [*CODEX_BYPASS, *flags]
        return _run([str(self.program), "exec", *thread, prompt], self.cwd, self.environment)


def _run(command: list[str], cwd: Path, environment: dict[str, str]) -> Run:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT,
        check=False,
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return Run(events, done.returncode, done.stderr)
