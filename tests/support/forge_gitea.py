"""The API of Gitea and Forgejo for pull requests (`/swagger.v1.json` of any instance)."""

from __future__ import annotations

import re
from typing import Any

from tests.support.forge_state import ForgeApi, PullRequest
from tests.support.loopback import Reply, Request


class GiteaApi(ForgeApi):
    """`GET` repository, `GET`/`POST` pulls."""

    prefixes = ("/api/v1/repos/",)

    def unauthorized(self) -> Reply:
        return _problem(401, "token is required")

    def route(self, request: Request, path: str) -> Reply:
        match = re.fullmatch(r"([^/]+/[^/]+)(/pulls)?", path)
        if match is None or self.state.repository(match[1]) is None:
            return _problem(404, "The target couldn't be found.")
        name = match[1]
        if match[2] and request.method == "POST":
            return self._create(request, name)
        if request.method != "GET":
            return _problem(405, "Method Not Allowed")
        if not match[2]:
            return Reply.json(self._repository(name))
        found = self.state.find(name, request.query.get("state", "open"))
        return Reply.json([self._pull(name, pull) for pull in found])

    def _create(self, request: Request, name: str) -> Reply:
        body = request.json()
        if not (body.get("head") and body.get("base")):
            return _problem(422, "[Head]: Required, [Base]: Required")
        pull = PullRequest(
            number=0,
            api="gitea",
            title=body.get("title", ""),
            head=body["head"],
            base=body["base"],
            body=body.get("body"),
            draft=body.get("title", "").startswith("WIP:"),
        )
        created = self.state.create_pull(name, pull)
        if created == "exists":
            return _problem(409, "pull request already exists for these targets")
        if isinstance(created, str):
            return _problem(404 if created != "no_commits" else 422, created.replace("_", " "))
        return Reply.json(self._pull(name, created), 201)

    def _repository(self, name: str) -> dict[str, Any]:
        return {
            "id": 7,
            "name": name.rpartition("/")[2],
            "full_name": name,
            "default_branch": self.state.default_branch(name),
            "clone_url": f"{self.state.origin}/{name}.git",
            "html_url": f"{self.state.origin}/{name}",
        }

    def _pull(self, name: str, pull: PullRequest) -> dict[str, Any]:
        sides = {
            side: {"ref": ref, "label": ref, "sha": self.state.commit_of(name, ref)}
            for side, ref in (("head", pull.head), ("base", pull.base))
        }
        return {
            "id": 1000 + pull.number,
            "number": pull.number,
            "title": pull.title,
            "body": pull.body or "",
            "state": pull.state,
            "draft": pull.draft,
            "html_url": f"{self.state.origin}/{name}/pulls/{pull.number}",
            "url": f"{self.state.origin}/api/v1/repos/{name}/pulls/{pull.number}",
            **sides,
        }


def _problem(status: int, message: str) -> Reply:
    return Reply.json({"message": message, "url": "/api/swagger"}, status)
