"""An ORCHEX user's surroundings: a server, two agents, a model, a forge, a receiver of webhooks."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.support.forge import Forge
from tests.support.git_http import GitServer
from tests.support.git_repos import git
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import Fail, Hang, Say, Script
from tests.support.npm import node_modules
from tests.support.openapi import DESCRIPTION
from tests.support.server import LemnosServer
from tests.support.sink import WebhookSink

TOKEN = "ghp_a-token-of-the-tests"
REPOSITORY = "user/repo"
KEY = "forge-key"
_DESCRIBED = node_modules() / DESCRIPTION
PROVIDER = "github" if _DESCRIBED.exists() else "gitea"
TANGLED = '''"""Options."""


def parse_options(words: list[str]) -> dict[str, object]:
    """Options by name."""
    found: dict[str, object] = {}
    for word in words:
        if word.startswith("--"):
            if "=" in word:
                name, _, value = word[2:].partition("=")
                if value.isdigit():
                    found[name] = int(value)
                elif value in ("true", "yes"):
                    found[name] = True
                elif value in ("false", "no"):
                    found[name] = False
                else:
                    found[name] = value
            elif word[2:]:
                found[word[2:]] = True
        elif word.startswith("-"):
            for letter in word[1:]:
                if letter.isalpha():
                    found[letter] = True
                elif letter.isdigit():
                    found["level"] = int(letter)
        elif word:
            found[word] = None
    return found
'''
FILES = {
    "README.md": "# Shop\n",
    "shop/options.py": TANGLED,
    "shop/token.py": "import os\nimport json\n\nTTL = 60\n",
    "src/helpers.js": "export function add(a, b) {\n  return a + b;\n}\n",
}
ANSWER = """```javascript
const express = require('express');
module.exports = express.Router();
```

Created a basic authentication endpoint with error handling

Suggestions:
- Add input validation
- Implement JWT token generation
- Add rate limiting
"""
WORKER, THINKER = "worker", "claude-sonnet-4"
_serial = itertools.count(1)


@dataclass
class Site:
    """What the tests of the document talk to."""

    server: LemnosServer
    forge: Forge
    bare: Path  # the shared repository on the forge's disk
    model: ModelEndpoint
    sink: WebhookSink
    stuck: GitServer

    @property
    def repo_url(self) -> str:
        return self.forge.repository_url(REPOSITORY)

    @property
    def stuck_url(self) -> str:
        """A repository whose host does not answer."""
        return self.stuck.repository_url("user/stuck")

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx2.Response:
        return self.server.client.request(method, f"/v1{path}", json=body, **options)

    def data(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """What a call that succeeds gives, out of its envelope."""
        answer = self.call(method, path, body)
        assert answer.status_code == status, answer.text
        content = answer.json()
        assert set(content) == {"success", "data", "meta"}
        assert content["success"] is True
        assert set(content["meta"]) == {"request_id", "timestamp", "version"}
        assert content["meta"]["request_id"] == answer.headers["x-request-id"]
        assert content["meta"]["version"] == "v1"
        return content["data"]

    def error(self, method: str, path: str, body: Any = None, status: int = 400) -> Any:
        """What a call that fails is told."""
        answer = self.call(method, path, body)
        assert answer.status_code == status, answer.text
        content = answer.json()
        assert set(content) == {"success", "error", "meta"}
        assert content["success"] is False
        assert set(content["error"]) <= {"code", "message", "details"}
        assert set(content["meta"]) == {"request_id", "timestamp"}
        return content["error"]

    def new_id(self, prefix: str = "agent") -> str:
        return f"{prefix}-{next(_serial)}"

    def agent(self, **given: Any) -> str:
        """A new agent that works by deterministic tools; its id."""
        agent_id: str = given.get("agent_id") or self.new_id()
        body = {"agent_id": agent_id, "name": agent_id, "provider": "lemnos", **given}
        self.data("POST", "/agents", body, 201)
        return agent_id

    def thinker(self, **given: Any) -> str:
        """A new agent that works with the scripted model; its id."""
        config = {"runtime": "builtin", "base_url": self.model.url, "api_key": "sk-of-the-tests"}
        capabilities = ["code_generation", "code_review", "security_analysis"]
        body = {"provider": "anthropic", "model": "claude-sonnet-4.5", "config": config}
        return self.agent(**{**body, "capabilities": capabilities, **given})

    def submit(self, **given: Any) -> str:
        """A new task for the deterministic worker on the repository; its id."""
        body = {
            "type": "refactoring",
            "description": "Remove the unused imports",
            "context": {"repository": self.repo_url, "provider_key": KEY},
            "agent_id": WORKER,
            **given,
        }
        task_id: str = self.data("POST", "/tasks", body, 202)["task_id"]
        return task_id

    def think(self, description: str = "Create API endpoint", **given: Any) -> str:
        """A new task for the agent with a model, in an empty workspace; its id."""
        body = {"type": "code_generation", "description": description, "agent_id": THINKER, **given}
        task_id: str = self.data("POST", "/tasks", body, 202)["task_id"]
        return task_id

    def until(self, task_id: str, *states: str) -> Any:
        """The task once it is in one of the states."""

        def there() -> bool:
            return self.data("GET", f"/tasks/{task_id}")["status"] in states

        self.server.until(there, what=f"{task_id} is {' or '.join(states)}")
        return self.data("GET", f"/tasks/{task_id}")

    def at_work(self, task_id: str) -> Any:
        """The task once an agent is at it."""
        path = f"/tasks/{task_id}"
        self.server.until(lambda: self.data("GET", path)["agent_id"] is not None)
        return self.data("GET", path)

    def completed(self, **given: Any) -> Any:
        """A task that has completed with changes."""
        return self.until(self.submit(**given), "completed")


def register_agents(site: Site) -> None:
    """One agent with deterministic tools, one with the scripted model."""
    site.agent(agent_id=WORKER, capabilities=["refactoring", "code_generation"])
    site.thinker(agent_id=THINKER, constraints={"cost_per_1k_tokens": 0.003})
    body = {"name": KEY, "provider": PROVIDER, "token": TOKEN}
    body["host"] = urlsplit(site.forge.url).netloc
    answer = site.server.client.post("/api/v1/keys", json=body)
    assert answer.status_code == 201, answer.text


@contextmanager
def built(folder: Path, **env: str) -> Iterator[Site]:
    """Everything started. Where GitHub's description is not installed, the forge is a Gitea."""
    with ExitStack() as stack:
        forge = stack.enter_context(Forge(folder / "forge", TOKEN, github=_DESCRIBED.exists()))
        bare = forge.create(REPOSITORY, FILES)
        git("branch", "develop", "main", cwd=bare)
        stuck = stack.enter_context(GitServer(folder / "stuck"))
        model = stack.enter_context(
            ModelEndpoint(
                Script([Hang(times=99)], when="wait for ever"),
                Script([Fail(401, times=99)], when="fail at once"),
                Script([Say(ANSWER)]),
            )
        )
        sink = stack.enter_context(WebhookSink())
        server = LemnosServer(
            folder,
            allowed_hosts=["127.0.0.1"],
            env={
                "LEMNOS_FORGES": json.dumps({urlsplit(forge.url).netloc: PROVIDER}),
                "LEMNOS_MAX_AGENTS": "32",
                "LEMNOS_DRAIN": "0",
                **env,
            },
        )
        site = Site(stack.enter_context(server), forge, bare, model, sink, stuck)
        register_agents(site)
        yield site
        stuck.git.recover()
