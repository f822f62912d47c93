"""``lemnos rankings`` and ``lemnos hotspots``: without a server, and by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lemnos.cli import output
from tests.support.analyses import commit
from tests.support.loopback import LoopbackServer, Reply, Request

MODULE = "def one(n):\n    if n:\n        return 1\n    return 2\n"
RANKED = {
    "rankings": [
        {
            "path": f"src/{name}.py",
            "score": 0.5,
            "metrics": {
                "churn": 15,
                "revisions": 3,
                "coverage": None,
                "covered_lines": None,
                "coverable_lines": None,
                "complexity": 25,
                "lines": 90,
                "assumed_coverage": 0.4,
            },
            "terms": {
                "coverage_gap": 0.1225,
                "uncovered_lines": 0.0675,
                "churn": 0.0188,
                "complexity": 0.15,
            },
        }
        for name in ("first", "a_module_with_a_long_name_in_it")
    ],
    "strategy": "composite",
    "commit": "c" * 40,
    "days": 365,
    "files": 2,
    "warnings": ["Something \x1b[31mto know."],
}
HOT = {
    "hotspots": [
        {
            "path": "src/first.py",
            "score": 0.9,
            "metrics": RANKED["rankings"][0]["metrics"],  # type: ignore[index]
            "authors": 3,
            "owners": [{"name": "Ann", "share": 0.75, "commits": 2, "last_at": "2026-01-01"}],
            "fragmentation": 0.4,
            "coupling": [{"path": "src/other.py", "degree": 0.5, "shared": 4}],
        }
    ],
    "commit": "c" * 40,
    "days": 365,
    "files": 2,
    "commits": 9,
    "warnings": [],
}


class Server(LoopbackServer):
    """Answers as Hephaestus does; ``last`` is what it was asked last."""

    last = Request("", "", {})

    def answer(self, request: Request) -> Reply:
        self.last = request
        made = {"task_id": "t1", "status": "pending", "path": "src/first.py", "created_at": "x"}
        answers = {"rankings": RANKED, "hotspots": HOT, "refactor": made}
        return Reply.json(answers[request.path.rpartition("/")[2]])


@pytest.fixture
def server(monkeypatch, lemnos) -> Iterator[Server]:
    with Server() as running:
        monkeypatch.setenv("LEMNOS_URL", running.url)
        monkeypatch.setenv("LEMNOS_API_KEY", "lk_x")
        yield running


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    repo = tmp_path / "repo"
    commit(repo, {"src/a.py": MODULE})
    return repo


def test_without_a_server(lemnos, repo, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    output.console.cache_clear()  # it was made at another width
    ran = lemnos("rankings", str(repo))
    assert ran.code == 0
    for seen in ("src/a.py", "4 +.01", "2 +.01", "No coverage was found"):
        assert seen in ran.out
    told = json.loads(lemnos("rankings", str(repo), "--strategy", "churn_based", "--json").out)
    assert told["strategy"] == "churn_based"
    assert told["rankings"][0]["terms"] == {"churn": 0.02}


def test_hotspots_without_a_server(lemnos, repo):
    ran = lemnos("hotspots", str(repo))
    assert ran.code == 0
    assert "src/a.py" in ran.out
    assert "100% Test" in ran.out
    assert json.loads(lemnos("hotspots", str(repo), "--json").out)["commits"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["/nowhere"],
        ["{tmp}"],
        ["{repo}", "--limit", "0"],
        ["{repo}", "--limit", "101"],
        ["{repo}", "--limit", "x"],
        ["{repo}", "--strategy", "guess"],
        ["{repo}", "--days", "0"],
        ["{repo}", "--instructions", "for whom?"],
    ],
)
def test_wrong_usage(lemnos, repo, tmp_path, arguments):
    filled = [each.format(tmp=tmp_path, repo=repo) for each in arguments]
    ran = lemnos("rankings", *filled)
    assert ran.code == 2
    assert ran.out == ""


def test_a_server_does_it(lemnos, server, repo, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    ran = lemnos("rankings", str(repo), "--server", "--limit", "5")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert max(map(len, lines[:6])) <= 80
    for seen in ("1   src/first.py", "~40% +.12", "~54 +.07", "15 +.02", "25 +.15"):
        assert seen in ran.out
    assert "\x1b" not in ran.out
    assert server.last.path == "/api/v1/analytics/rankings"
    assert server.last.query["limit"] == "5"
    assert "src/other.py" in lemnos("hotspots", "--task", "task_1").out


@pytest.mark.parametrize(("entry", "path"), [("1", "src/first.py"), ("src/b.py", "src/b.py")])
def test_an_entry_becomes_a_task(lemnos, server, repo, entry, path):
    ran = lemnos("rankings", str(repo), "--refactor", entry, "--instructions", "Be brief.")
    assert ran.code == 0
    assert "Task t1 refactors" in ran.out
    assert server.last.path == "/api/v1/analytics/rankings/refactor"
    assert server.last.json() == {
        "workspace": str(repo),
        "strategy": "composite",
        "days": 365,
        "path": path,
        "instructions": "Be brief.",
    }


def test_an_entry_that_is_not_there(lemnos, server, repo):
    ran = lemnos("rankings", str(repo), "--refactor", "3")
    assert ran.code == 2
    assert "2 entries" in ran.err
