"""Webhooks, as documented; what is ours beside it; and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.orchex import document
from tests.contract.orchex.document import lacks
from tests.contract.orchex.site import KEY, Site
from tests.support.loopback import Request

pytestmark = pytest.mark.e2e


def made(site: Site, **given: Any) -> Any:
    """A webhook that leads to the sink, at a path of its own."""
    url = f"{site.sink.url}/{site.new_id('hook')}"
    body = {"url": url, "events": ["task.completed"], **given}
    return site.data("POST", "/webhooks", body, 201)


def told(site: Site, webhook: Any, event: str) -> tuple[Request, Any]:
    """The first request that the sink got for a webhook and an event."""
    path = "/" + webhook["url"].rpartition("/")[2]

    def mine(requests: list[Request]) -> list[tuple[Request, Any]]:
        found = [(one, json.loads(one.body)) for one in requests if one.path == path]
        return [pair for pair in found if pair[1]["event"] == event]

    return mine(site.sink.wait_for(lambda requests: bool(mine(requests))))[0]


def test_create_as_documented(site: Site):
    webhook = site.data("POST", "/webhooks", document.WEBHOOK, 201)
    assert webhook["url"] == document.WEBHOOK["url"]
    assert webhook["events"] == document.WEBHOOK["events"]
    assert webhook["active"] is True
    assert webhook["secret"] is None, "it was given, so it is not shown"
    path = f"/webhooks/{webhook['webhook_id']}"
    shown = site.call("GET", path)
    assert "webhook_secret" not in shown.text
    assert "secret" not in shown.json()["data"]
    listed = site.data("GET", "/webhooks")
    assert webhook["webhook_id"] in {one["webhook_id"] for one in listed["webhooks"]}
    assert site.call("DELETE", path).status_code == 204
    assert site.error("GET", path, status=404)["details"]["reason"] == "webhook_not_found"


def test_the_payload_of_a_completed_task_as_documented(site: Site):
    webhook = made(site, events=["task.created", "task.started", "task.completed"])
    task_id = site.think()
    request, body = told(site, webhook, "task.completed")
    assert lacks(body, document.TASK_COMPLETED_EVENT) == []
    assert (body["data"]["task_id"], body["data"]["status"]) == (task_id, "completed")
    assert request.headers["webhook-signature"].startswith("v1,")
    for event in ("task.created", "task.started"):
        assert told(site, webhook, event)[1]["data"]["task_id"] == task_id


def test_the_payload_of_a_completed_analysis_as_documented(site: Site):
    webhook = made(site, events=["analysis.completed"])
    body = {"repository_url": site.repo_url, "provider_key": KEY}
    started = site.data("POST", "/analyze", body, 202)
    _, body = told(site, webhook, "analysis.completed")
    assert lacks(body, document.ANALYSIS_COMPLETED_EVENT) == []
    assert body["data"]["analysis_id"] == started["analysis_id"]


def test_test_and_deliveries_and_redelivery(site: Site):
    webhook = made(site, active=False)
    path = f"/webhooks/{webhook['webhook_id']}"
    accepted = site.data("POST", f"{path}/test", None, 202)
    assert accepted["state"] == "pending"
    told(site, webhook, "webhook.test")

    def log() -> Any:
        return site.data("GET", f"{path}/deliveries")["deliveries"]

    site.server.until(lambda: log()[0]["state"] == "delivered")
    [delivery] = log()
    assert delivery["delivery_id"] == accepted["delivery_id"]
    assert delivery["webhook_id"] == webhook["webhook_id"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [200]
    again = site.data(
        "POST", f"/webhooks/deliveries/{delivery['delivery_id']}/redeliver", None, 202
    )
    assert again == {"delivery_id": delivery["delivery_id"], "state": "pending"}
    site.server.until(lambda: len(log()[0]["attempts"]) == 2)


def test_update_changes_what_is_named(site: Site):
    webhook = made(site)
    path = f"/webhooks/{webhook['webhook_id']}"
    changed = site.data("PUT", path, {"active": False})
    assert (changed["active"], changed["events"]) == (False, webhook["events"])
    changed = site.data("PUT", path, {"events": ["task.failed"]})
    assert (changed["active"], changed["events"]) == (False, ["task.failed"])


def test_a_secret_is_rotated_with_an_overlap(site: Site):
    webhook = made(site)
    assert webhook["secret"].startswith("whsec_")
    path = f"/webhooks/{webhook['webhook_id']}"
    rotated = site.data("POST", f"{path}/rotate", {"overlap_seconds": 3600})
    assert rotated["secret"] != webhook["secret"]
    assert rotated["previous_secret_until"]
    site.call("POST", f"{path}/test")
    request, _ = told(site, webhook, "webhook.test")
    assert len(request.headers["webhook-signature"].split()) == 2
    at_once = site.data("POST", f"{path}/rotate", {"overlap_seconds": 0, "secret": "my-own-secret"})
    assert (at_once["secret"], at_once["previous_secret_until"]) == (None, None)


def test_an_answer_with_a_secret_is_repeated_and_kept_sealed(site: Site):
    body = {"url": f"{site.sink.url}/once", "events": ["task.failed"]}
    headers = {"Idempotency-Key": site.new_id("once")}
    first, again = (site.call("POST", "/webhooks", body, headers=headers) for _ in range(2))
    assert first.content == again.content
    secret = first.json()["data"]["secret"].encode()
    stored = (site.server.data / "lemnos.db").read_bytes()
    assert secret not in stored


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "https://x.example/", "events": []}, "events"),
        ({"url": "https://x.example/", "events": ["task.exploded"]}, "events[0]"),
        ({"url": "http://10.0.0.1/hook", "events": ["task.failed"]}, "url"),
        ({"url": "ftp://x.example/", "events": ["task.failed"]}, "url"),
        ({"url": "https://x.example/", "events": ["task.failed"], "secret": "short"}, "secret"),
        ({"url": "https://x.example/", "events": ["task.failed"], "colour": 1}, "colour"),
    ],
)
def test_what_is_refused_names_the_field(site: Site, body: dict[str, Any], field: str):
    error = site.error("POST", "/webhooks", body)
    assert (error["code"], error["details"]["field"]) == ("VALIDATION_ERROR", field)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/webhooks/no-such", None),
        ("PUT", "/webhooks/no-such", {}),
        ("DELETE", "/webhooks/no-such", None),
        ("POST", "/webhooks/no-such/test", None),
        ("POST", "/webhooks/no-such/rotate", {}),
        ("GET", "/webhooks/no-such/deliveries", None),
        ("POST", "/webhooks/deliveries/no-such/redeliver", None),
    ],
)
def test_what_is_not_there(site: Site, method: str, path: str, body: Any):
    assert site.error(method, path, body, 404)["code"] == "NOT_FOUND"
