"""A forge: git over HTTP and the REST APIs of GitHub, GitLab and Gitea on one origin.

    with Forge(tmp_path, token="s3cret") as forge:
        forge.create("acme/shop", {"README.md": "hello\\n"})
        ...  # clone forge.repository_url("acme/shop"), push a branch, ask for a pull request
        assert forge.pulls("acme/shop")[0].head == "topic"

API roots: GitHub at `/` and, as in GitHub Enterprise, at `/api/v3`; GitLab at `/api/v4`; Gitea and
Forgejo at `/api/v1`. The three share the repositories, the token and the pull requests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from tests.support.forge_gitea import GiteaApi
from tests.support.forge_github import GitHubApi
from tests.support.forge_gitlab import GitLabApi
from tests.support.forge_state import ForgeApi, ForgeState, PullRequest, RateLimit
from tests.support.git_http import GitServer
from tests.support.loopback import Request
from tests.support.openapi import github_description


class Forge(GitServer):
    """The whole forge. GitHub requests are held against GitHub's OpenAPI description.

    A request that the description refuses is answered with 422 and noted in `problems`; a response
    of ours that it refuses is our bug and raises. Without the npm package that has the description
    the test is skipped, unless `github=False`, which leaves GitHub's API out.
    """

    def __init__(self, root: Path, token: str = "forge-token", github: bool = True) -> None:
        self.state = ForgeState(root, token)
        apis: list[ForgeApi] = [GitLabApi(self.state), GiteaApi(self.state)]
        if github:
            apis.append(GitHubApi(self.state, github_description()))
        super().__init__(root, token, *apis)

    def start(self, port: int = 0) -> Self:
        super().start(port)
        self.state.origin = self.url
        return self

    @property
    def problems(self) -> list[str]:
        return self.state.problems

    @property
    def api_requests(self) -> list[Request]:
        return self.state.requests

    def pulls(self, name: str) -> list[PullRequest]:
        """All pull requests of a repository, oldest first."""
        return list(self.state.pulls.get(name, []))

    def limit_rate(
        self, status: Literal[403, 429] = 429, retry_after: int = 1, times: int = 1
    ) -> None:
        self.state.rate_limit = RateLimit(status, retry_after, times)

    def fail(self, status: int | None) -> None:
        """Answer every API request with this status, until told None."""
        self.state.failure = status
