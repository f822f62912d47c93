"""GitLab: https://docs.gitlab.com/api/merge_requests."""

from __future__ import annotations

from urllib.parse import quote

from lemnos.adapters.forges.http import Answer, ForgeHttp
from lemnos.adapters.forges.rest import forge_error, repository_name, text_of, verify_token
from lemnos.domains.integrations.ports import PullRequest, PullRequestDraft, Verified


class GitLab:
    """``api`` is the root of the REST API, e.g. ``https://gitlab.com/api/v4``.

    Tokens are sent as ``Authorization: Bearer``, which works for personal, project, group and
    OAuth tokens alike, and, unlike ``PRIVATE-TOKEN``, is dropped on a redirect to another host.
    """

    name = "gitlab"

    def __init__(self, http: ForgeHttp, api: str) -> None:
        self._http = http
        self._api = api

    async def open_pull_request(self, draft: PullRequestDraft) -> PullRequest:
        """Create a merge request; where GitLab says that there is one already, find that."""
        url = f"{self._project(draft.repo_url)}/merge_requests"
        wanted = {
            "source_branch": draft.head,
            "target_branch": draft.base,
            "title": draft.title,
            "description": draft.body,
        }
        answer = await self._http.call("POST", url, token=draft.token, body=wanted)
        if answer.status == 409:
            return await self._existing(url, draft, answer)
        if answer.status != 201:
            raise forge_error(answer, "GitLab", draft.token)
        return PullRequest(text_of(answer, "web_url"), int(answer.body["iid"]))

    async def verify(self, token: str, repo_url: str = "") -> Verified:
        """Ask for the token's user."""
        project = self._project(repo_url) if repo_url else ""
        verified, _answer = await verify_token(
            self._http, token, f"{self._api}/user", project, "username", "GitLab"
        )
        return verified

    async def _existing(self, url: str, draft: PullRequestDraft, refused: Answer) -> PullRequest:
        query = {"source_branch": draft.head, "target_branch": draft.base, "state": "opened"}
        answer = await self._http.call("GET", url, token=draft.token, params=query)
        if not answer.ok or not answer.body:
            raise forge_error(refused, "GitLab", draft.token)
        found = answer.body[0]
        return PullRequest(found["web_url"], found["iid"])

    def _project(self, repo_url: str) -> str:
        name = repository_name(repo_url, nested=True)
        return f"{self._api}/projects/{quote(name.path, safe='')}"
