"""GitHub's REST API for pull requests (https://docs.github.com/rest/pulls/pulls).

Requests and our responses are validated with GitHub's OpenAPI description; the responses start
from the examples in it, so that they are as complete as the real ones.
"""

from __future__ import annotations

import re
import time
from typing import Any

from tests.support.forge_state import CreateProblem, ForgeApi, ForgeState, PullRequest, RateLimit
from tests.support.loopback import Reply, Request
from tests.support.openapi import GitHubDescription

REPOSITORY = "/repos/{owner}/{repo}"
PULLS = "/repos/{owner}/{repo}/pulls"
PULL = "/repos/{owner}/{repo}/pulls/{pull_number}"
DOCUMENTATION = "https://docs.github.com/rest"
PROBLEMS: dict[CreateProblem, dict[str, str]] = {
    "no_head": {"field": "head", "code": "invalid"},
    "no_base": {"field": "base", "code": "invalid"},
    "no_commits": {"code": "custom", "message": "No commits between {base} and {head}"},
    "exists": {"code": "custom", "message": "A pull request already exists for {owner}:{head}."},
}


class GitHubApi(ForgeApi):
    """`GET` repository, `GET`/`POST` pulls, `GET` pull."""

    prefixes = ("/api/v3/repos/", "/repos/")

    def __init__(self, state: ForgeState, description: GitHubDescription) -> None:
        super().__init__(state)
        self._description = description

    def rate_limited(self, limit: RateLimit) -> Reply:
        headers = {
            "Retry-After": str(limit.retry_after),
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(time.time()) + limit.retry_after),
        }
        return _problem(limit.status, "API rate limit exceeded", headers=headers)

    def unauthorized(self) -> Reply:
        return _problem(401, "Bad credentials")

    def route(self, request: Request, path: str) -> Reply:
        if "user-agent" not in request.headers:
            return _problem(403, "Request forbidden by administrative rules.")
        match = re.fullmatch(r"([^/]+/[^/]+)(/pulls)?(?:/(\d+))?", path)
        if match is None or self.state.repository(match[1]) is None:
            return _problem(404, "Not Found")
        name, pulls, number = match.groups()
        if request.method == "POST" and pulls and not number:
            return self._create(request, name)
        if request.method != "GET" or (number and not pulls):
            return _problem(404, "Not Found")
        if number:
            return self._get(name, int(number))
        return self._list(request, name) if pulls else self._repository(name)

    def _create(self, request: Request, name: str) -> Reply:
        body = request.json()
        if errors := self._description.request_errors("post", PULLS, body):
            self.state.problems += errors
            return _problem(422, "Invalid request.\n\n" + "\n".join(errors))
        owner = name.partition("/")[0]
        pull = PullRequest(
            number=0,
            api="github",
            title=body.get("title", ""),
            head=body["head"].removeprefix(f"{owner}:"),
            base=body["base"],
            body=body.get("body"),
            draft=body.get("draft", False),
        )
        created = self.state.create_pull(name, pull)
        if isinstance(created, str):
            words = {"base": pull.base, "head": pull.head, "owner": owner}
            detail = {k: v.format(**words) for k, v in PROBLEMS[created].items()}
            body = _message("Validation Failed", errors=[{"resource": "PullRequest", **detail}])
            return self._reply("post", PULLS, 422, body)
        return self._reply("post", PULLS, 201, self._pull("post", PULLS, 201, name, created))

    def _list(self, request: Request, name: str) -> Reply:
        query = request.query
        head = query.get("head", "").partition(":")[2]  # GitHub passes over a head without owner
        found = self.state.find(name, query.get("state", "open"), head, query.get("base", ""))
        example = self._description.example("get", PULLS, 200)[0]
        return self._reply("get", PULLS, 200, [self._filled(example, name, p) for p in found])

    def _get(self, name: str, number: int) -> Reply:
        pull = next((p for p in self.state.find(name, "all") if p.number == number), None)
        if pull is None:
            return _problem(404, "Not Found")
        return self._reply("get", PULL, 200, self._pull("get", PULL, 200, name, pull))

    def _repository(self, name: str) -> Reply:
        body = self._description.example("get", REPOSITORY, 200)
        owner, _, short = name.partition("/")
        body |= {
            "name": short,
            "full_name": name,
            "default_branch": self.state.default_branch(name),
            "html_url": f"{self.state.origin}/{name}",
            "clone_url": f"{self.state.origin}/{name}.git",
            "url": f"{self.state.origin}/repos/{name}",
            "language": None,  # the example lacks what its schema requires
        }
        body["owner"]["login"] = owner
        del body["source"]  # no fork, so there is none
        return self._reply("get", REPOSITORY, 200, body)

    def _pull(
        self, method: str, path: str, status: int, name: str, pull: PullRequest
    ) -> dict[str, Any]:
        return self._filled(self._description.example(method, path, status), name, pull)

    def _filled(self, example: dict[str, Any], name: str, pull: PullRequest) -> dict[str, Any]:
        owner = name.partition("/")[0]
        example |= {
            "number": pull.number,
            "title": pull.title,
            "body": pull.body,
            "draft": pull.draft,
            "state": pull.state,
            "requested_teams": [],  # the example's are not what its schema requires
            "html_url": f"{self.state.origin}/{name}/pull/{pull.number}",
            "url": f"{self.state.origin}/repos/{name}/pulls/{pull.number}",
        }
        for side, branch in (("head", pull.head), ("base", pull.base)):
            sha = self.state.commit_of(name, branch) or "0" * 40
            example[side] |= {"ref": branch, "label": f"{owner}:{branch}", "sha": sha}
        return example

    def _reply(self, method: str, path: str, status: int, body: Any) -> Reply:
        errors = self._description.response_errors(method, path, status, body)
        if errors:
            raise AssertionError(f"the stand-in's own response is not GitHub's: {errors}")
        return Reply.json(body, status, {"X-GitHub-Media-Type": "github.v3; format=json"})


def _message(message: str, **more: Any) -> dict[str, Any]:
    return {"message": message, "documentation_url": DOCUMENTATION, **more}


def _problem(status: int, message: str, headers: dict[str, str] | None = None) -> Reply:
    return Reply.json(_message(message, status=str(status)), status, headers)
