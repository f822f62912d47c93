"""A team of registered agents: real CLIs and the built-in agent, each with a model of its own.

All ask one scripted endpoint, which tells them apart by their models. Each team has a tenant to
itself, so that neither scores nor breakers are handed on from one test to the next.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import Script, Tool, Turn, Usage
from tests.support.npm import require_cli
from tests.support.server import PATIENCE, LemnosServer

REAL_KEY = "sk-real-key-of-the-operator"
RESTING = frozenset({"completed", "failed", "cancelled", "awaiting_decision"})
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Kind:
    """A kind of agent: its provider, and its tool for commands with that one's argument."""

    provider: str
    tool: str = ""
    argument: str = ""

    def shell(self, command: str, usage: Usage | None = None) -> Tool:
        """The model's call that runs a command in the workspace."""
        return Tool(self.tool, {self.argument: command}, usage or Usage())


CLAUDE = Kind("anthropic", tool="Bash", argument="command")
CODEX = Kind("openai", tool="exec_command", argument="cmd")
BUILTIN = Kind("builtin", tool="run", argument="command")


def settings(model: ModelEndpoint) -> dict[str, str]:
    """A server's settings with both CLIs; skips, and says so, where one is missing."""
    return {
        "LEMNOS_CLAUDE_PATH": str(require_cli("claude")),
        "LEMNOS_CODEX_PATH": str(require_cli("codex")),
        "LEMNOS_ANTHROPIC_BASE_URL": model.url,
        "LEMNOS_ANTHROPIC_API_KEY": REAL_KEY,
        "LEMNOS_OPENAI_BASE_URL": f"{model.url}/v1",
        "LEMNOS_OPENAI_API_KEY": REAL_KEY,
        "LEMNOS_MAX_AGENTS": "4",
    }


class Team:
    """Agents of a tenant of their own, over HTTP under /v1."""

    def __init__(self, server: LemnosServer, model: ModelEndpoint) -> None:
        self.server = server
        self.model = model
        self.tenant = f"team{next(_numbers)}"

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request; the answer's data. A refusal raises."""
        answer = self.ask(method, path, body)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def ask(self, method: str, path: str, body: object = None) -> httpx2.Response:
        """One request; the answer as it is."""
        with self.server.client_with(self.server.token(self.tenant)) as client:
            return client.request(method, path, json=body)

    def register(self, agent_id: str, kind: Kind, *, price: float = 0.01, **more: Any) -> None:
        """Register an agent that is tried once; ``more`` are other fields of the registration."""
        constraints = {"cost_per_1k_tokens": price} | more.pop("constraints", {})
        retries = {"max_retries": 0, "backoff_multiplier": 1}
        made = self.call(
            "POST",
            "/v1/agents",
            {
                "agent_id": agent_id,
                "name": agent_id.title(),
                "provider": kind.provider,
                "model": self.model_of(agent_id),
                "capabilities": ["code_generation"],
                "constraints": constraints,
                "config": {"retry_policy": retries, **more.pop("config", {})},
                **more,
            },
        )
        assert made["status"] == "registered"

    def model_of(self, agent_id: str) -> str:
        """The model that only this agent asks."""
        return f"{self.tenant}-{agent_id}"

    def play(self, **scripts: Turn | tuple[Turn, ...]) -> None:
        """What each agent's model says from now on."""
        self.model.play(
            *(
                Script(turns if isinstance(turns, tuple) else (turns,), model=self.model_of(name))
                for name, turns in scripts.items()
            )
        )

    def submit(self, **more: Any) -> str:
        """Submit a task; its id."""
        body = {"type": "code_generation", "description": "Do what the script says."}
        return str(self.call("POST", "/v1/tasks", body | more)["task_id"])

    def task(self, task_id: str) -> dict[str, Any]:
        """The task as it is."""
        found: dict[str, Any] = self.call("GET", f"/v1/tasks/{task_id}")
        return found

    def ended(self, task_id: str, timeout: float = PATIENCE) -> dict[str, Any]:
        """The task once it is at rest."""
        self.until(lambda: self.task(task_id)["status"] in RESTING, f"{task_id} rests", timeout)
        return self.task(task_id)

    def attempts(self, task_id: str) -> list[dict[str, Any]]:
        """All attempts at a task, in order."""
        found: list[dict[str, Any]] = self.call("GET", f"/v1/tasks/{task_id}/routing")["attempts"]
        return found

    def tree(self, task_id: str) -> Path:
        """The work tree of a task, seen from the host."""
        name = str(uuid.UUID(task_id.removeprefix("task_")))
        return self.server.data / "workspaces" / name / "checkout"

    def breaker(self, agent_id: str) -> dict[str, Any]:
        """The state of an agent's circuit breaker."""
        found: dict[str, Any] = self.call("GET", f"/v1/agents/{agent_id}")["breaker"]
        return found

    def until(self, condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
        """Wait for a condition. Raises TimeoutError with the end of the server's log."""
        self.server.until(condition, timeout, what)


def overlapping(attempts: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The pairs of attempts that ran at the same time, by when they started."""
    spans = sorted((one["started_at"], one["ended_at"]) for one in attempts)
    return [
        (before[0], after[0]) for before, after in itertools.pairwise(spans) if after[0] < before[1]
    ]
