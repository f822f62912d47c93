"""What the dialects of the forge share: repositories, pull requests, refusals."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.support.git_repos import git
from tests.support.loopback import Reply, Request

CreateProblem = Literal["exists", "no_head", "no_base", "no_commits"]


@dataclass
class PullRequest:
    """A pull or merge request; `api` is the dialect in which it was made."""

    number: int
    api: str
    title: str
    head: str
    base: str
    body: str | None = None
    draft: bool = False
    state: Literal["open", "closed"] = "open"


@dataclass
class RateLimit:
    """Refusals of the next `times` API requests, with a 403 or a 429."""

    status: Literal[403, 429] = 429
    retry_after: int = 1
    times: int = 1


@dataclass
class ForgeState:
    """What the three APIs share. `problems` are requests that GitHub's description refuses."""

    root: Path
    token: str
    origin: str = ""
    pulls: dict[str, list[PullRequest]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    rate_limit: RateLimit | None = None
    failure: int | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def repository(self, name: str) -> Path | None:
        bare = self.root / f"{name}.git"
        return bare if bare.is_dir() else None

    def default_branch(self, name: str) -> str:
        return git("symbolic-ref", "--short", "HEAD", cwd=self.repository(name))

    def commit_of(self, name: str, branch: str) -> str | None:
        return (
            git(
                "for-each-ref",
                "--format=%(objectname)",
                f"refs/heads/{branch}",
                cwd=self.repository(name),
            )
            or None
        )

    def create_pull(self, name: str, wanted: PullRequest) -> PullRequest | CreateProblem:
        """Record a pull request, unless the branches in the real repository speak against it."""
        with self.lock:
            head, base = self.commit_of(name, wanted.head), self.commit_of(name, wanted.base)
            if head is None:
                return "no_head"
            if base is None:
                return "no_base"
            if git("rev-list", "--count", f"{base}..{head}", cwd=self.repository(name)) == "0":
                return "no_commits"
            pulls = self.pulls.setdefault(name, [])
            if any((p.head, p.base, p.state) == (wanted.head, wanted.base, "open") for p in pulls):
                return "exists"
            wanted.number = len(pulls) + 1
            pulls.append(wanted)
            return wanted

    def find(
        self, name: str, state: str = "open", head: str = "", base: str = ""
    ) -> list[PullRequest]:
        """The pull requests of a repository, newest first; an empty filter matches all."""
        with self.lock:
            return [
                pull
                for pull in reversed(self.pulls.get(name, []))
                if state in ("all", pull.state)
                and (not head or pull.head == head)
                and (not base or pull.base == base)
            ]

    def take_rate_limit(self) -> RateLimit | None:
        with self.lock:
            limit = self.rate_limit
            if limit is None or limit.times <= 0:
                return None
            limit.times -= 1
            return limit


class ForgeApi:
    """What the dialects have in common: refusals come before any route."""

    prefixes: tuple[str, ...] = ()

    def __init__(self, state: ForgeState) -> None:
        self.state = state

    def handle(self, request: Request) -> Reply | None:
        prefix = next((p for p in self.prefixes if request.path.startswith(p)), None)
        if prefix is None:
            return None
        self.state.requests.append(request)
        return self._refusal(request) or self.route(request, request.path.removeprefix(prefix))

    def _refusal(self, request: Request) -> Reply | None:
        if self.state.failure is not None:
            return Reply.json({"message": "scripted failure"}, self.state.failure)
        limit = self.state.take_rate_limit()
        if limit is not None:
            return self.rate_limited(limit)
        return None if self.presented_token(request) == self.state.token else self.unauthorized()

    def presented_token(self, request: Request) -> str | None:
        """The token out of `Authorization: Bearer …` or `Authorization: token …`."""
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        return value if kind.lower() in ("bearer", "token") else None

    def rate_limited(self, limit: RateLimit) -> Reply:
        headers = {"Retry-After": str(limit.retry_after)}
        return Reply.json({"message": "Too many requests"}, limit.status, headers)

    def unauthorized(self) -> Reply:
        return Reply.json({"message": "401 Unauthorized"}, 401)

    def route(self, request: Request, path: str) -> Reply:
        raise NotImplementedError
