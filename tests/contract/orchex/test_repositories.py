"""Analysis and refactoring, as documented; and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.orchex import document
from tests.contract.orchex.document import lacks
from tests.contract.orchex.site import KEY, TANGLED, Site
from tests.support.git_repos import commit, git

pytestmark = pytest.mark.e2e


def analysed(site: Site, **given: Any) -> Any:
    """An analysis that has completed."""
    body = {"repository_url": site.repo_url, "provider_key": KEY, **given}
    started = site.data("POST", "/analyze", body, 202)
    assert lacks(started, document.ANALYSIS_STARTED, unknown=("estimated_completion",)) == []
    path = f"/analyze/{started['analysis_id']}"
    site.server.until(
        lambda: site.data("GET", path)["status"] in ("completed", "failed"), timeout=120
    )
    found = site.data("GET", path)
    assert found["status"] == "completed", found["error"]
    return found


@pytest.fixture(scope="module")
def analysis(shared_site: Site) -> Any:
    """One analysis of the shared repository."""
    return analysed(shared_site)


def test_an_analysis_as_documented(site: Site):
    """The document's body, at a repository that is there, and a commit that it has."""
    head = git("rev-parse", "main", cwd=site.bare).strip()
    given = {**document.ANALYSE, "repository_url": site.repo_url, "commit": head}
    found = analysed(site, **given)
    assert lacks(found, document.ANALYSIS) == []
    assert (found["repository"], found["commit"]) == (site.repo_url, head)
    assert {file["file_path"] for file in found["chaos_metrics"]} == {"src/helpers.js"}


def test_what_an_analysis_finds(analysis: Any):
    first = {**analysis, "opportunities": analysis["opportunities"][:1]}
    assert lacks(first, document.ANALYSIS) == []  # others need not make anything less complex
    worst = analysis["chaos_metrics"][0]
    assert worst["file_path"] == "shop/options.py"
    assert worst["complexity"]["cyclomatic"] > 10
    assert analysis["opportunities"]
    assert analysis["summary"]["total_opportunities"] >= len(analysis["opportunities"])


def test_files_in_pages(site: Site, analysis: Any):
    path = f"/analyze/{analysis['analysis_id']}/files"
    every = site.data("GET", path)
    assert every["next_offset"] is None
    first = site.data("GET", f"{path}?limit=1")
    assert (first["files"], first["next_offset"]) == (every["files"][:1], 1)
    rest = site.data("GET", f"{path}?limit=1000&offset=1")
    assert rest["files"] == every["files"][1:]


def test_the_history_and_its_filters(site: Site, analysis: Any):
    def found(query: str) -> set[str]:
        return {one["analysis_id"] for one in site.data("GET", f"/analyze?{query}")["analyses"]}

    mine = analysis["analysis_id"]
    assert mine in found("")
    assert mine in found(f"repository={site.repo_url}")
    assert mine not in found("repository=https://elsewhere.example/x")
    assert mine in found("status=completed")
    assert mine not in found("status=failed")
    assert mine in found(f"since={analysis['created_at']}")
    assert mine not in found("since=2099-01-01T00:00:00Z")
    assert len(found("limit=1")) == 1


BAD = [
    ({}, "repository_url"),
    ({"repository_url": "http://10.0.0.1/x.git"}, "repository"),
    ({"repository_path": "/etc"}, "repository"),
    ({"repository_path": "relative/path"}, "repository"),
    ({"analysis_type": "deep"}, "analysis_type"),
    ({"options": {"max_opportunities": -1}}, "options.max_opportunities"),
    ({"options": {"include_patterns": "**"}}, "options.include_patterns"),
    ({"options": {"depth": 1}}, "options.depth"),
    ({"commit": "abc123..."}, ""),
    ({"branch": "no-such-branch"}, ""),
    ({"colour": 1}, "colour"),
]


@pytest.mark.parametrize(("given", "field"), BAD, ids=[str(b[0])[:40] for b in BAD])
def test_an_analysis_that_is_refused(site: Site, given: dict[str, Any], field: str):
    where = {"repository_url": site.repo_url, "provider_key": KEY}
    named = not given or any(name.startswith("repository") for name in given)
    body = given if named else {**where, **given}
    error = site.error("POST", "/analyze", body)
    assert error["code"] == "VALIDATION_ERROR"
    assert error["details"]["field"].startswith(field)


@pytest.mark.parametrize(
    "query", ["status=gone", "since=soon", "limit=0", "limit=101", "offset=-1"]
)
def test_a_bad_query_names_the_parameter(site: Site, query: str):
    error = site.error("GET", f"/analyze?{query}")
    assert error["details"]["field"] == query.partition("=")[0]


def refactored(site: Site, opportunity_id: str, **given: Any) -> Any:
    """A refactoring that has ended."""
    body = {"opportunity_id": opportunity_id, **given}
    started = site.data("POST", "/refactor", body, 202)
    assert lacks(started, document.REFACTORING_STARTED, unknown=("estimated_completion",)) == []
    path = f"/refactor/{started['refactoring_id']}"
    site.server.until(lambda: site.data("GET", path)["success"] is not None, timeout=180)
    return site.data("GET", path)


def opportunity(found: Any) -> str:
    """One that a deterministic tool can carry out."""
    kinds = ("extract_function", "reduce_complexity", "simplify_conditional")
    chosen: str = next(o["opportunity_id"] for o in found["opportunities"] if o["type"] in kinds)
    return chosen


def test_a_dry_run_gives_the_diff(site: Site, analysis: Any):
    found = refactored(site, opportunity(analysis), dry_run=True)
    assert found["dry_run"] is True
    assert found["diff"], found
    assert found["pull_request"] is None


def test_a_refactoring_as_documented(site: Site, analysis: Any):
    given = {name: document.REFACTOR[name] for name in ("dry_run", "create_pr", "pr_options")}
    found = refactored(site, opportunity(analysis), **given)
    assert found["status"] == "completed", found["error"]
    unknown = ("passed", "number")
    assert lacks(found, document.REFACTORING, unknown=unknown) == []
    assert found["pull_request"]["title"] == document.REFACTOR["pr_options"]["title"]
    assert found["pull_request"]["branch"].startswith("refactor/helpers")
    listed = site.data("GET", "/refactor")["refactorings"]
    assert found["refactoring_id"] in {one["refactoring_id"] for one in listed}
    error = site.error("DELETE", f"/refactor/{found['refactoring_id']}", status=409)
    assert error["code"] == "CONFLICT"


def test_a_file_that_has_changed_since_its_analysis(site: Site):
    name = "user/changed"
    bare = site.forge.create(name, {"a.py": TANGLED})
    found = analysed(site, repository_url=site.forge.repository_url(name))
    commit(bare, {"a.py": f"{TANGLED}\n\nMORE = 1\n"})
    error = site.error("POST", "/refactor", {"opportunity_id": opportunity(found)}, 409)
    assert (error["code"], error["details"]["reason"]) == ("CONFLICT", "file_changed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "opportunity_id"),
        ({"opportunity_id": 7}, "opportunity_id"),
        ({"opportunity_id": "opp_1", "dry_run": "no"}, "dry_run"),
        ({"opportunity_id": "opp_1", "pr_options": {"colour": 1}}, "pr_options.colour"),
        ({"opportunity_id": "opp_1", "dry_run": True, "create_pr": True}, "create_pr"),
    ],
)
def test_a_refactoring_that_is_refused(site: Site, body: dict[str, Any], field: str):
    error = site.error("POST", "/refactor", body)
    assert (error["code"], error["details"]["field"]) == ("VALIDATION_ERROR", field)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/analyze/analysis_xyz789", None),
        ("GET", "/analyze/analysis_xyz789/files", None),
        ("POST", "/refactor", {"opportunity_id": "opp_123"}),
        ("GET", "/refactor/refactor_456", None),
        ("DELETE", "/refactor/refactor_456", None),
    ],
)
def test_what_is_not_there(site: Site, method: str, path: str, body: Any):
    assert site.error(method, path, body, 404)["code"] == "NOT_FOUND"
