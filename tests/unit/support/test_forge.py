"""The forge stand-in; GitHub's part is held against GitHub's own description."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.fixtures import TOKEN
from tests.support.forge import Forge
from tests.support.git_repos import commit, git

GITHUB = {"Authorization": f"Bearer {TOKEN}", "User-Agent": "tests"}
GITLAB = {"PRIVATE-TOKEN": TOKEN}
GITEA = {"Authorization": f"token {TOKEN}"}
PULL = {"title": "Mend it", "head": "topic", "base": "main", "body": "Because."}
MERGE = {"title": "Mend it", "source_branch": "topic", "target_branch": "main"}
PULLS, MERGES = "/repos/acme/shop/pulls", "/api/v4/projects/acme%2Fshop/merge_requests"


@pytest.fixture
def shop(forge: Forge) -> Forge:
    bare = forge.create("acme/shop", {"a.txt": "one\n"})
    git("branch", "topic", "main", cwd=bare)
    commit(bare, {"a.txt": "two\n"}, branch="topic")
    return forge


def post(forge: Forge, path: str, body: Any, headers: dict[str, str]) -> httpx2.Response:
    return httpx2.post(forge.url + path, json=body, headers=headers)


@pytest.mark.parametrize("prefix", ["", "/api/v3"])
def test_github_pull_request_from_creation_to_list(shop: Forge, prefix: str) -> None:
    created = post(shop, prefix + PULLS, PULL, GITHUB)
    assert created.status_code == 201
    assert created.json()["number"] == 1
    assert created.json()["html_url"] == f"{shop.url}/acme/shop/pull/1"
    again = post(shop, prefix + PULLS, PULL, GITHUB)
    assert again.status_code == 422
    assert "already exists" in again.json()["errors"][0]["message"]
    found = httpx2.get(f"{shop.url}{prefix}{PULLS}?head=acme:topic", headers=GITHUB).json()
    assert [pull["number"] for pull in found] == [1]
    assert httpx2.get(f"{shop.url}{prefix}{PULLS}?head=acme:x", headers=GITHUB).json() == []
    one = httpx2.get(f"{shop.url}{prefix}{PULLS}/1", headers=GITHUB).json()
    assert one["head"]["sha"] == shop.state.commit_of("acme/shop", "topic")
    assert shop.pulls("acme/shop")[0].title == "Mend it"
    assert shop.problems == []


def test_github_repository(shop: Forge) -> None:
    body = httpx2.get(f"{shop.url}/repos/acme/shop", headers=GITHUB).json()
    assert (body["full_name"], body["default_branch"]) == ("acme/shop", "main")


def test_github_refuses_what_its_description_does(shop: Forge) -> None:
    refused = post(shop, PULLS, {"title": 5, "head": "topic"}, GITHUB)
    assert refused.status_code == 422
    assert any("'base' is a required property" in problem for problem in shop.problems)
    assert any("5 is not of type 'string'" in problem for problem in shop.problems)
    assert shop.pulls("acme/shop") == []


@pytest.mark.parametrize(
    ("change", "words"), [({"head": "nope"}, "invalid"), ({"head": "main"}, "No commits")]
)
def test_github_looks_at_the_real_branches(shop: Forge, change: Any, words: str) -> None:
    refused = post(shop, PULLS, PULL | change, GITHUB)
    assert refused.status_code == 422
    assert words in refused.text


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [(PULLS, PULL, "Authorization"), (MERGES, MERGE, "PRIVATE-TOKEN"),
     ("/api/v1" + PULLS, PULL, "Authorization")],
)  # fmt: skip
def test_a_wrong_token_is_refused(shop: Forge, path: str, body: Any, name: str) -> None:
    headers = {"User-Agent": "tests", name: "token wrong"}
    assert post(shop, path, body, headers).status_code == 401
    assert shop.pulls("acme/shop") == []


@pytest.mark.parametrize("status", [403, 429])
def test_the_rate_limit_lasts_as_long_as_told(shop: Forge, status: Any) -> None:
    shop.limit_rate(status, retry_after=3)
    refused = post(shop, PULLS, PULL, GITHUB)
    assert refused.status_code == status
    assert refused.headers["retry-after"] == "3"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert post(shop, PULLS, PULL, GITHUB).status_code == 201


def test_gitlab_merge_request(shop: Forge) -> None:
    created = post(shop, MERGES, MERGE, GITLAB)
    assert created.status_code == 201
    assert created.json()["web_url"] == f"{shop.url}/acme/shop/-/merge_requests/1"
    assert post(shop, MERGES, MERGE, GITLAB).status_code == 409
    listed = httpx2.get(shop.url + MERGES + "?state=opened", headers=GITLAB).json()
    assert [merge["iid"] for merge in listed] == [1]
    project = httpx2.get(f"{shop.url}/api/v4/projects/acme%2Fshop", headers=GITLAB).json()
    assert project["default_branch"] == "main"
    assert post(shop, MERGES, {"title": "x"}, GITLAB).status_code == 400


def test_gitea_pull_request(shop: Forge) -> None:
    created = post(shop, "/api/v1" + PULLS, PULL, GITEA)
    assert created.status_code == 201
    assert created.json()["html_url"] == f"{shop.url}/acme/shop/pulls/1"
    assert post(shop, "/api/v1" + PULLS, PULL, GITEA).status_code == 409
    assert len(httpx2.get(shop.url + "/api/v1" + PULLS, headers=GITEA).json()) == 1


def test_git_and_the_api_share_one_origin(shop: Forge, tmp_path: Path) -> None:
    url = shop.repository_url("acme/shop").replace("http://", f"http://x:{TOKEN}@")
    git("clone", "-q", url, tmp_path / "clone")
    assert (tmp_path / "clone/a.txt").read_text() == "one\n"
    shop.fail(503)
    assert post(shop, PULLS, PULL, GITHUB).status_code == 503
