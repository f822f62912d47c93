"""Gitea and Forgejo: ``/api/swagger`` of any instance."""

from __future__ import annotations

from lemnos.adapters.forges.http import Answer, ForgeHttp
from lemnos.adapters.forges.rest import forge_error, repository_name, text_of, verify_token
from lemnos.domains.integrations.ports import PullRequest, PullRequestDraft, Verified

_PAGE = 50  # the default largest page of Gitea
_PAGES = 40


class Gitea:
    """``api`` is the root of the REST API, e.g. ``https://codeberg.org/api/v1``."""

    name = "gitea"

    def __init__(self, http: ForgeHttp, api: str) -> None:
        self._http = http
        self._api = api

    async def open_pull_request(self, draft: PullRequestDraft) -> PullRequest:
        """Create it; where Gitea says that there is one already, find that."""
        url = f"{self._api}/repos/{repository_name(draft.repo_url).path}/pulls"
        wanted = {
            "title": draft.title,
            "head": draft.head,
            "base": draft.base,
            "body": draft.body,
        }
        answer = await self._http.call("POST", url, token=draft.token, body=wanted)
        if answer.status == 409:
            return await self._existing(url, draft, answer)
        if answer.status != 201:
            raise forge_error(answer, "Gitea", draft.token)
        return PullRequest(text_of(answer, "html_url"), int(answer.body["number"]))

    async def verify(self, token: str, repo_url: str = "") -> Verified:
        """Ask for the token's user."""
        repository = f"{self._api}/repos/{repository_name(repo_url).path}" if repo_url else ""
        verified, _answer = await verify_token(
            self._http, token, f"{self._api}/user", repository, "login", "Gitea"
        )
        return verified

    async def _existing(self, url: str, draft: PullRequestDraft, refused: Answer) -> PullRequest:
        """Gitea can't be asked for a head's pull requests, so the open ones are looked through."""
        for page in range(1, _PAGES + 1):
            query = {"state": "open", "page": str(page), "limit": str(_PAGE)}
            answer = await self._http.call("GET", url, token=draft.token, params=query)
            if not answer.ok or not answer.body:
                break
            for found in answer.body:
                if (found["head"]["ref"], found["base"]["ref"]) == (draft.head, draft.base):
                    return PullRequest(found["html_url"], found["number"])
            if len(answer.body) < _PAGE:
                break
        raise forge_error(refused, "Gitea", draft.token)
