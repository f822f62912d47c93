"""GitHub and GitHub Enterprise: https://docs.github.com/rest/pulls/pulls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lemnos.adapters.forges.http import Answer, ForgeHttp
from lemnos.adapters.forges.rest import (
    RepositoryName,
    forge_error,
    repository_name,
    text_of,
    verify_token,
)
from lemnos.domains.integrations.ports import PullRequest, PullRequestDraft, Verified

_ACCEPT = "application/vnd.github+json"
_HEADERS = {"X-GitHub-Api-Version": "2022-11-28"}


class GitHub:
    """``api`` is the root of the REST API, e.g. ``https://api.github.com``."""

    name = "github"

    def __init__(self, http: ForgeHttp, api: str) -> None:
        self._http = http
        self._api = api

    async def open_pull_request(self, draft: PullRequestDraft) -> PullRequest:
        """Create it; where GitHub says that there is one already, find that."""
        repo = repository_name(draft.repo_url)
        url = f"{self._api}/repos/{repo.path}/pulls"
        wanted = {
            "title": draft.title,
            "head": draft.head,
            "base": draft.base,
            "body": draft.body,
        }
        answer = await self._call("POST", url, draft.token, body=wanted)
        if answer.status == 422:
            return await self._existing(url, repo, draft, answer)
        if answer.status != 201:
            raise forge_error(answer, "GitHub", draft.token)
        return PullRequest(text_of(answer, "html_url"), int(answer.body["number"]))

    async def verify(self, token: str, repo_url: str = "") -> Verified:
        """Ask for the token's user. Only classic tokens tell their scopes."""
        repository = f"{self._api}/repos/{repository_name(repo_url).path}" if repo_url else ""
        verified, answer = await verify_token(
            self._http, token, f"{self._api}/user", repository, "login", "GitHub"
        )
        listed = answer.headers.get("X-OAuth-Scopes", "")
        scopes = tuple(scope.strip() for scope in listed.split(",") if scope.strip())
        return replace(verified, scopes=scopes)

    async def _existing(
        self, url: str, repo: RepositoryName, draft: PullRequestDraft, refused: Answer
    ) -> PullRequest:
        query = {"head": f"{repo.owner}:{draft.head}", "base": draft.base, "state": "open"}
        answer = await self._call("GET", url, draft.token, params=query)
        if not answer.ok or not answer.body:
            raise forge_error(refused, "GitHub", draft.token)
        found = answer.body[0]
        return PullRequest(found["html_url"], found["number"])

    async def _call(
        self,
        method: str,
        url: str,
        token: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Answer:
        return await self._http.call(
            method, url, token=token, accept=_ACCEPT, headers=_HEADERS, params=params, body=body
        )
