"""Every example of the document, and its clients as they stand."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.contract.hephaestus.site import GUARD_RAILS, Site

pytestmark = pytest.mark.e2e

# As in the document.
PYTHON = """
import requests

response = requests.post(
    "http://localhost:8000/api/v1/quality/guard-rails",
    headers={"Authorization": "Bearer YOUR_API_KEY"},
    json={"no_format": False, "drift_check": True}
)

result = response.json()
print(f"Success: {result['success']}")
"""
CURL = r"""
curl -X POST http://localhost:8000/api/v1/quality/guard-rails \
  -H "Authorization: Bearer YOUR_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{"no_format": false, "drift_check": true}'
"""
CURL_AUTHENTICATED = r"""
curl -H "Authorization: Bearer YOUR_API_KEY" \
  http://localhost:8000/api/v1/quality/guard-rails
"""
DOCUMENTED = {"name", "passed", "message", "duration", "metadata"}


def here(program: str, site: Site) -> str:
    """A program of the document with this server's address and key."""
    at = program.replace("http://localhost:8000", site.server.url)
    return at.replace("YOUR_API_KEY", site.server.key)


def test_guard_rails(site: Site):
    body = {"no_format": False, "workspace": str(site.project), "drift_check": True}
    answer = site.client.post(GUARD_RAILS, json=body)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert set(said) == {"success", "gates", "duration", "task_id"}
    assert said["success"] is False, "one of its gates fails"
    assert said["task_id"].startswith("task-")
    gates = {gate["name"]: gate for gate in said["gates"]}
    assert all(set(gate) == DOCUMENTED for gate in said["gates"])
    assert {"lint", "format", "drift", "quick", "sad"} <= set(gates)
    assert gates["lint"]["passed"] is True
    assert gates["quick"]["passed"] is True
    assert gates["sad"]["metadata"]["verdict"] == "failed"
    assert said["duration"] > 0


def test_cleanup(site: Site):
    root = site.folder({"a.txt": "kept", ".DS_Store": "x" * 5000, "sub/Thumbs.db": "y"})
    body = {"root": str(root), "deep_clean": False, "dry_run": False}
    dry = site.client.post("/api/v1/cleanup", json={**body, "dry_run": True})
    assert (root / ".DS_Store").exists()
    answer = site.client.post("/api/v1/cleanup", json=body)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["files_deleted"] == 2
    assert said["size_freed"] == dry.json()["size_freed"] > 0
    assert {one["path"] for one in said["manifest"]["removed"]} == {".DS_Store", "sub/Thumbs.db"}
    assert [path.name for path in root.iterdir() if path.is_file()] == ["a.txt"]


def test_rankings(site: Site):
    answer = site.client.get("/api/v1/analytics/rankings")
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["strategy"] == "composite"
    (ranking,) = [one for one in said["rankings"] if one["path"] == "forge.py"]
    assert {"churn", "coverage", "complexity"} <= set(ranking["metrics"])
    assert ranking["metrics"]["churn"] == 3
    assert ranking["metrics"]["coverage"] is None, "nobody has measured it"
    assert ranking["score"] == pytest.approx(sum(ranking["terms"].values()), abs=1e-3)


@pytest.mark.parametrize("strategy", ["risk_weighted", "coverage_first", "churn_based"])
def test_rankings_by_each_strategy(site: Site, strategy: str):
    answer = site.client.get(
        "/api/v1/analytics/rankings", params={"strategy": strategy, "limit": 1}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["strategy"] == strategy
    assert len(answer.json()["rankings"]) == 1


def test_a_task(site: Site):
    task_id = site.start("quick")
    done = site.ended(task_id)
    assert (done["task_id"], done["status"], done["progress"]) == (task_id, "completed", 1.0)
    assert done["error"] is None
    assert done["result"]["success"] is True
    assert done["result"]["task_id"] == task_id


def test_the_python_client(site: Site):
    done = subprocess.run(
        [sys.executable, "-c", here(PYTHON, site)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "Success: False\n", done.stderr


@pytest.mark.parametrize(("program", "holds"), [(CURL, '"gates"'), (CURL_AUTHENTICATED, '"tasks"')])
def test_the_curl_client(site: Site, program: str, holds: str):
    done = subprocess.run(
        ["/bin/sh", "-c", here(program, site)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert holds in done.stdout
