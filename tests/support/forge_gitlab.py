"""GitLab's REST API for merge requests (https://docs.gitlab.com/api/merge_requests)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from tests.support.forge_state import CreateProblem, ForgeApi, PullRequest
from tests.support.loopback import Reply, Request

REQUIRED = ("source_branch", "target_branch", "title")


class GitLabApi(ForgeApi):
    """`GET` project, `GET`/`POST` merge requests. A project is named by its encoded path."""

    prefixes = ("/api/v4/projects/",)

    def presented_token(self, request: Request) -> str | None:
        return request.headers.get("private-token") or super().presented_token(request)

    def route(self, request: Request, path: str) -> Reply:
        match = re.fullmatch(r"([^/]+)(/merge_requests)?", path)
        name = unquote(match[1]) if match else ""
        if match is None or self.state.repository(name) is None:
            return Reply.json({"message": "404 Project Not Found"}, 404)
        if match[2] and request.method == "POST":
            return self._create(request, name)
        if request.method != "GET":
            return Reply.json({"message": "405 Method Not Allowed"}, 405)
        return self._list(request, name) if match[2] else Reply.json(self._project(name))

    def _create(self, request: Request, name: str) -> Reply:
        body = request.json()
        missing = [field for field in REQUIRED if not body.get(field)]
        if missing:
            return Reply.json({"error": ", ".join(f"{field} is missing" for field in missing)}, 400)
        title = body["title"]
        pull = PullRequest(
            number=0,
            api="gitlab",
            title=title,
            head=body["source_branch"],
            base=body["target_branch"],
            body=body.get("description"),
            draft=title.startswith("Draft:"),
        )
        created = self.state.create_pull(name, pull)
        if isinstance(created, str):
            return self._refuse(created, name, pull)
        return Reply.json(self._merge_request(name, created), 201)

    def _refuse(self, problem: CreateProblem, name: str, pull: PullRequest) -> Reply:
        if problem == "exists":
            number = self.state.find(name, "open", pull.head, pull.base)[0].number
            text = f"Another open merge request already exists for this source branch: !{number}"
            return Reply.json({"message": [text]}, 409)
        texts = {
            "no_head": {"source_branch": ["does not exist"]},
            "no_base": {"target_branch": ["does not exist"]},
            "no_commits": {"base": ["No commits between the branches"]},
        }
        return Reply.json({"message": texts[problem]}, 422)

    def _list(self, request: Request, name: str) -> Reply:
        query = request.query
        state = {"opened": "open", "closed": "closed"}.get(query.get("state", "all"), "all")
        heads = query.get("source_branch", ""), query.get("target_branch", "")
        found = self.state.find(name, state, *heads)
        return Reply.json([self._merge_request(name, pull) for pull in found])

    def _project(self, name: str) -> dict[str, Any]:
        return {
            "id": 7,
            "name": name.rpartition("/")[2],
            "path_with_namespace": name,
            "default_branch": self.state.default_branch(name),
            "http_url_to_repo": f"{self.state.origin}/{name}.git",
            "web_url": f"{self.state.origin}/{name}",
        }

    def _merge_request(self, name: str, pull: PullRequest) -> dict[str, Any]:
        return {
            "id": 1000 + pull.number,
            "iid": pull.number,
            "project_id": 7,
            "title": pull.title,
            "description": pull.body,
            "state": "opened" if pull.state == "open" else "closed",
            "draft": pull.draft,
            "source_branch": pull.head,
            "target_branch": pull.base,
            "sha": self.state.commit_of(name, pull.head),
            "web_url": f"{self.state.origin}/{name}/-/merge_requests/{pull.number}",
        }
