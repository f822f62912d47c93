"""`lemnos` commands for agents, routed tasks, analyses, refactorings and webhooks, as typed."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import LemnosServer
from tests.support.shell import PATIENCE, Shell, sample_repository
from tests.support.sink import WebhookSink

pytestmark = pytest.mark.e2e

TIDY = "Remove the unused imports."
MEND = "Fix the failing tests."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LemnosServer]:
    """A server with two agents that need no model."""
    folder = tmp_path_factory.mktemp("lemnos")
    with LemnosServer(folder, allowed_hosts=["127.0.0.1"]) as running:
        shell = Shell(running.data, folder)
        for name in ("smith", "tinker"):
            made = shell(
                *("agents", "register", name, "--provider", "builtin"),
                *("--capability", "refactoring", "--capability", "debugging"),
            )
            assert made.code == 0, made.err
        yield running


@pytest.fixture
def lemnos(server: LemnosServer, tmp_path: Path) -> Shell:
    """A shell beside the running server."""
    return Shell(server.data, tmp_path)


@pytest.fixture
def repo(server: LemnosServer, tmp_path: Path) -> str:
    """A repository that the running server may clone: under its working folder."""
    return str(sample_repository(server.folder / f"order-desk-{tmp_path.name}"))


def test_an_agent_from_registration_to_removal(lemnos: Shell):
    made = lemnos(
        *("agents", "register", "third", "--provider", "builtin", "--name", "The third"),
        *("--capability", "testing", "--max-concurrent", "2", "--cost-per-1k", "0.003"),
        *("--weight", "1.5", "--retries", "1", "--json"),
    )
    assert made.code == 0, made.err
    assert made.json["status"] == "registered"
    listed = lemnos("agents", "list", "--capability", "testing", "--json").json
    assert [agent["agent_id"] for agent in listed["agents"]] == ["third"]
    changed = lemnos("agents", "update", "third", "--max-concurrent", "3", "--status", "inactive")
    assert changed.code == 0, changed.err
    agent = lemnos("agents", "show", "third", "--json").json
    assert agent["name"] == "The third"
    assert agent["status"] == "inactive"
    assert agent["constraints"]["max_concurrent_tasks"] == 3
    assert agent["constraints"]["cost_per_1k_tokens"] == 0.003
    assert agent["config"]["base_weight"] == 1.5
    shown = lemnos("agents", "show", "third")
    assert "The third" in shown.out
    assert "max_concurrent_tasks 3" in shown.out
    assert lemnos("agents", "remove", "third").code == 0
    gone = lemnos("agents", "show", "third")
    assert gone.code == 1
    assert "Request req_" in gone.err


def test_agents_and_their_health_in_tables(lemnos: Shell):
    listed = lemnos("agents", "list").out
    assert "smith" in listed
    assert "builtin" in listed
    assert lemnos("agents", "health", "smith").code == 0
    everyone = lemnos("agents", "health", "--json").json["agents"]
    assert {"smith", "tinker"} <= {one["agent_id"] for one in everyone}


def test_failures_have_their_exit_codes(lemnos: Shell):
    assert lemnos("agents", "show", "nobody").code == 1
    assert lemnos("agents", "update", "smith").code == 2
    refused = lemnos("agents", "register", "bad id!", "--provider", "builtin", "--json")
    assert refused.code == 2
    error = json.loads(refused.err)
    assert "agent_id" in error["fields"]
    assert error["request_id"].startswith("req_")
    assert lemnos("agents", "list", "--api-key", "lk_" + "x" * 43).code == 4
    assert lemnos("metrics", "--url", "http://127.0.0.1:1").code == 3
    assert lemnos("metrics", "--period", "1y").code == 2
    assert lemnos("tasks", "submit", "--description", "x", "--type", "poetry").code == 2
    assert lemnos("tasks", "submit", "--description", " ").code == 2
    assert lemnos("tasks", "submit", "--description", "x", "--fan-out", "smith").code == 2
    assert lemnos("analyze", "--quick", "--incremental").code == 2


def test_a_dry_run_says_who_would_do_it_and_why_others_would_not(lemnos: Shell):
    ran = lemnos("route", "--type", "refactoring", "--exclude", "tinker")
    assert ran.code == 0, ran.err
    assert "smith" in ran.out
    assert "left out" in ran.out
    assert "tinker" in ran.out
    decision = lemnos("route", "--type", "refactoring", "--json").json
    terms = decision["candidates"][0]["terms"]
    assert set(terms) == {"capability", "performance", "availability", "cost"}
    nobody = lemnos("route", "--type", "architecture", "--capability", "architecture", "--json")
    assert nobody.code == 1
    assert nobody.json["candidates"] == []


def test_a_routed_task_from_submission_to_feedback(lemnos: Shell, repo: str):
    ran = lemnos(
        *("tasks", "submit", "--type", "refactoring", "--description", TIDY, "--repo", repo),
        *("--agent", "smith", "--priority", "high", "--wait"),
    )
    assert ran.code == 0, ran.out + ran.err
    assert "-import sys" in ran.out
    assert "completed" in ran.out
    assert "smith" in ran.out
    (task, *_) = lemnos("tasks", "list", "--agent", "smith", "--json").json["tasks"]
    assert task["status"] == "completed"
    assert task["priority"] == "high"
    short = task["task_id"][-8:]
    shown = lemnos("tasks", "show", short)
    assert TIDY in shown.out
    assert "smith (tier 0, 1 try)" in shown.out
    routing = lemnos("tasks", "routing", short, "--json").json
    assert [one["agent_id"] for one in routing["attempts"]] == ["smith"]
    assert "attempts" in lemnos("tasks", "routing", short).out
    assert "smith" in lemnos("tasks", "feedback", short, "approved", "--comment", "ok").out
    assert lemnos("tasks", "feedback", short, "wonderful").code == 2
    again = lemnos("tasks", "retry", short, "--agent", "tinker", "--wait", "--json")
    assert again.code == 0, again.err
    assert again.json["agent_id"] == "tinker"
    assert again.json["retry_of"] == task["task_id"]
    figures = lemnos("metrics", "--json").json
    assert figures["agents"]["smith"]["tasks"] >= 1
    assert "smith" in lemnos("metrics", "--period", "1h").out
    assert "smith" in lemnos("metrics", "--agent", "smith").out


def test_a_task_of_codeforge_is_listed_and_shown_beside_routed_ones(lemnos: Shell, repo: str):
    ran = lemnos("run", "run: true", "--repo", repo, "--cli", "builtin", "--json")
    task_id = ran.json["task"]["id"]
    listed = lemnos("tasks", "list", "--limit", "5", "--json").json["tasks"]
    assert task_id.replace("-", "") in {one["task_id"].removeprefix("task_") for one in listed}
    shown = lemnos("tasks", "show", task_id, "--json").json
    assert shown["id"] == task_id
    assert shown["orchex"]["status"] == "completed"
    assert lemnos("tasks", "show", task_id).code == 0


def test_what_is_submitted_without_waiting_can_be_watched(lemnos: Shell, repo: str):
    ran = lemnos(
        *("tasks", "submit", "--type", "refactoring", "--description", TIDY, "--repo", repo),
        "--json",
    )
    watched = lemnos("tasks", "watch", ran.json["task_id"])
    assert watched.code == 0, watched.out + watched.err
    assert "completed" in watched.out


def test_who_stops_waiting_leaves_the_task_to_go_on(lemnos: Shell, server: LemnosServer, repo: str):
    command = ("tasks", "submit", "--description", "run: sleep 60", "--repo", repo, "--wait")
    waiting = lemnos.start(*command, "--type", "debugging", "--agent", "tinker")

    def running() -> list[str]:
        page = lemnos("tasks", "list", "--status", "running", "--json").json
        return [task["task_id"] for task in page["tasks"]]

    server.until(lambda: bool(running()), what="the task runs")
    (task_id,) = running()
    waiting.send_signal(signal.SIGINT)
    said, _ = waiting.communicate(timeout=PATIENCE)
    assert waiting.returncode == 130, said
    assert f"lemnos tasks cancel {task_id}" in said
    assert running() == [task_id]
    assert lemnos("tasks", "cancel", task_id).code == 0
    watched = lemnos("tasks", "watch", task_id)
    assert watched.code == 1
    assert "cancelled" in watched.out


def test_a_task_for_two_agents_keeps_the_best(lemnos: Shell, repo: str):
    ran = lemnos(
        *("tasks", "submit", "--type", "debugging", "--description", MEND, "--repo", repo),
        *("--fan-out", "smith,tinker", "--wait", "--json"),
    )
    assert ran.code == 0, ran.err
    tries = ran.json["fan_out"]["tries"]
    assert {one["agent_id"] for one in tries} == {"smith", "tinker"}
    assert sum(one["kept"] for one in tries) == 1
    shown = lemnos("tasks", "show", ran.json["task_id"])
    assert "kept" in shown.out


def test_from_an_analysis_to_a_refactoring(lemnos: Shell, repo: str):
    ran = lemnos("analyze", repo)
    assert ran.code == 0, ran.err
    assert "worst files" in ran.out
    assert "orders/pricing.py" in ran.out
    (brief, *_) = lemnos("analyses", "list", "--repo", repo, "--json").json["analyses"]
    analysis = lemnos("analyses", "show", brief["analysis_id"], "--json").json
    assert analysis["summary"]["files_analyzed"] >= 3
    found = analysis["opportunities"]
    assert found
    again = lemnos("analyze", repo, "--incremental", "--json").json
    assert again["summary"]["files_reused"] == again["summary"]["files_analyzed"]
    dry = lemnos("refactor", found[0]["opportunity_id"], "--dry-run", "--json").json
    assert dry["dry_run"] is True
    assert dry["diff"]
    shown = lemnos("refactorings", "show", dry["refactoring_id"])
    assert "(dry run)" in shown.out
    assert "✓ syntax_validation" in shown.out
    listed = lemnos("refactorings", "list", "--json").json["refactorings"]
    assert dry["refactoring_id"] in {one["refactoring_id"] for one in listed}


def test_a_refactoring_of_a_repository_whose_tests_pass(lemnos: Shell, repo: str):
    assert lemnos("run", MEND, "--repo", repo, "--cli", "builtin", "--pr").code == 0
    (task, *_) = lemnos("tasks", "list", "--json").json["tasks"]
    branch = lemnos("tasks", "show", task["task_id"], "--json").json["branch"]
    analysis = lemnos("analyze", repo, "--branch", branch, "--json").json
    (found, *_) = analysis["opportunities"]
    ran = lemnos("refactor", found["opportunity_id"], "--pr", "--branch", "shorter", "--json")
    assert ran.code == 0, ran.err
    done = ran.json
    assert done["success"] is True
    assert done["pull_request"]["branch"] == "shorter"
    assert done["effect"]["score_after"] < done["effect"]["score_before"]
    checks = {one["check"]: one["outcome"] for one in done["safety_report"]["checks"]}
    assert checks["test_execution"] == "passed"
    git = ["git", "-C", repo, "log", "-1", "--format=%H", "shorter"]
    assert subprocess.run(git, capture_output=True, check=True).stdout.strip()


def test_an_analysis_of_what_is_no_repository_is_refused(lemnos: Shell, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    assert lemnos("analyze", str(tmp_path / "empty")).code == 2
    assert lemnos("analyze", "/etc/passwd").code == 2
    assert lemnos("analyses", "show", "analysis_none").code == 1
    assert lemnos("refactor", "opp_none").code == 1
    assert lemnos("refactor", "opp_none", "--title", "x").code == 2


def test_a_webhook_from_creation_to_deletion(lemnos: Shell):
    with WebhookSink() as sink:
        made = lemnos("webhooks", "create", f"{sink.url}/hook", "--event", "task.failed", "--json")
        assert made.code == 0, made.err
        assert made.json["secret"].startswith("whsec_")
        name = made.json["webhook_id"]
        assert name in lemnos("webhooks", "list").out
        tested = lemnos("webhooks", "test", name, "--json").json
        (request,) = sink.wait_for(1)
        assert request.headers["x-orchex-delivery"] == tested["delivery_id"]
        found = lemnos("webhooks", "deliveries", name, "--json").json["deliveries"]
        assert [one["delivery_id"] for one in found] == [tested["delivery_id"]]
        again = lemnos("webhooks", "redeliver", tested["delivery_id"])
        assert again.code == 0, again.err
        sink.wait_for(2)
        rotated = lemnos(
            *("webhooks", "rotate", name, "--secret-env", "MINE", "--overlap", "60"),
            MINE="a secret of mine",
        )
        assert rotated.code == 0, rotated.err
        assert "a secret of mine" not in rotated.out
        assert "signs too until" in rotated.out
        off = lemnos("webhooks", "update", name, "--off", "--event", "task.created", "--json")
        assert (off.json["active"], off.json["events"]) == (False, ["task.created"])
        assert "off" in lemnos("webhooks", "show", name).out
    assert lemnos("webhooks", "delete", name).code == 0
    assert lemnos("webhooks", "show", name).code == 1


def test_a_webhook_that_cannot_be_is_refused(lemnos: Shell):
    private = lemnos("webhooks", "create", "http://10.0.0.1/", "--event", "task.failed", "--json")
    assert private.code == 2
    assert "url" in json.loads(private.err)["fields"]
    assert lemnos("webhooks", "create", "https://example.org/").code == 2
    unknown = lemnos("webhooks", "create", "https://example.org/", "--event", "task.exploded")
    assert unknown.code == 2
