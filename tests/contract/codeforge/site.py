"""A CodeForge user's surroundings: a server, a forge with a repository, a model, a receiver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.forge import Forge
from tests.support.git_http import GitServer
from tests.support.git_repos import git
from tests.support.model_endpoint import ModelEndpoint
from tests.support.model_script import Hang, Say, Script, Tool, Turn
from tests.support.npm import node_modules
from tests.support.openapi import DESCRIPTION
from tests.support.server import LemnosServer
from tests.support.sink import WebhookSink

TOKEN = "ghp_a-token-of-the-tests"
SECRET = "callback-secret-of-the-tests"
REPOSITORY = "user/repo"
_DESCRIBED = node_modules() / DESCRIPTION
PROVIDER = "github" if _DESCRIBED.exists() else "gitea"
FILES = {"README.md": "# Auth\n", "auth/token.py": "import os\nimport json\n\nTTL = 60\n"}
_WORK: list[Turn] = [
    Tool("write_file", {"path": "auth/new.py", "content": "A = 1\nB = 2\n"}),
    Say("Added a module."),
]


@dataclass
class Site:
    """What the tests of the document talk to."""

    server: LemnosServer
    forge: Forge
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

    def own_repository(self, name: str) -> str:
        """A repository like the shared one, with no branches of other tests' tasks; its URL."""
        bare = self.forge.create(name, FILES)
        git("branch", "develop", "main", cwd=bare)
        return self.forge.repository_url(name)

    def create(self, **given: Any) -> str:
        """A task on the repository; without a model unless a key is given."""
        body = {"repo_url": self.repo_url, "access_token": TOKEN, "prompt": "Tidy", **given}
        body["config"] = {"cli": "builtin", **given.get("config", {})}
        created: str = self.server.create(**body)["id"]
        return created

    def completed(self, **given: Any) -> str:
        """A task that has completed with changes."""
        task_id = self.create(prompt="Remove the unused imports", **given)
        self.server.wait(task_id, "completed")
        return task_id

    def running(self) -> str:
        """A task whose agent waits for a model that never answers."""
        task_id = self.create(prompt="wait for ever", config={"ai_api_key": "sk-of-the-tests"})
        self.server.until(lambda: self.server.task(task_id)["status"] == "running")
        return task_id

    def post(self, path: str, body: Any = None) -> Any:
        return self.server.client.post(f"/api/v1/{path}", json=body)


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
                Script(_WORK, when="Add a module"),
                Script(_WORK),
            )
        )
        sink = stack.enter_context(WebhookSink())
        server = LemnosServer(
            folder,
            allowed_hosts=["127.0.0.1"],
            env={
                "LEMNOS_FORGES": json.dumps({urlsplit(forge.url).netloc: PROVIDER}),
                "LEMNOS_ANTHROPIC_BASE_URL": model.url,
                "LEMNOS_CALLBACK_SECRET": SECRET,
                "LEMNOS_MAX_AGENTS": "32",
                "LEMNOS_DRAIN": "0",
                **env,
            },
        )
        yield Site(stack.enter_context(server), forge, model, sink, stuck)
        stuck.git.recover()
