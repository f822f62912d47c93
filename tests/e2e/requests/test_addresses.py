"""Repositories and callbacks in private networks: by literal, by name, by redirect."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.e2e.requests.answers import REPOSITORY, refused
from tests.support.git_http import GitFault, GitServer
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer
from tests.support.sink import WebhookSink, redirect

pytestmark = pytest.mark.e2e

LOOPBACKS = [
    "http://127.0.0.1:9/x.git",
    "http://localhost:9/x.git",
    "http://LOCALHOST.:9/x.git",
    "http://127.1:9/x.git",
    "http://2130706433:9/x.git",
    "http://0x7f000001:9/x.git",
    "http://0x7f.0.0.1:9/x.git",
    "http://0177.0.0.1:9/x.git",
    "http://017700000001:9/x.git",
    "http://[::1]:9/x.git",
    "http://[::ffff:127.0.0.1]:9/x.git",
    "http://[::ffff:7f00:1]:9/x.git",
    "http://[64:ff9b::7f00:1]:9/x.git",
    "http://[fe80::1%25eth0]:9/x.git",
    "http://0.0.0.0:9/x.git",
    "http://0:9/x.git",
    "http://10.0.0.1/x.git",
    "http://172.16.0.1/x.git",
    "http://192.168.1.1/x.git",
    "http://169.254.169.254/latest/meta-data",
    "http://100.64.0.1/x.git",
    "http://[fd00:ec2::254]/x.git",
    "http://①②⑦.⓪.⓪.①:9/x.git",
    "http://127。0。0。1:9/x.git",
]
NOT_ADDRESSES = [
    "ftp://example.org/x.git",
    "gopher://example.org/",
    "ssh://git@example.org/x.git",
    "git@example.org:x.git",
    "ext::sh -c id",
    "file:///etc",
    "file://127.0.0.1/etc",
    "/etc",
    "../../etc",
    "--upload-pack=touch /tmp/x",
    "http://user:secret@example.org/x.git",
    "http://example.org\\@127.0.0.1/x.git",
    "http://exa mple.org/x.git",
    "http://example.org/\r\nHost: evil",
    "http://example.org:99999/x.git",
    "http://",
    "https:///x.git",
    "javascript:alert(1)",
    "\x00",
    "http://example.org/\x00",
]


@pytest.mark.parametrize("url", LOOPBACKS + NOT_ADDRESSES)
def test_a_repository_in_a_private_network_is_refused_at_once(plain: LemnosServer, url: str):
    answer = plain.client.post("/api/v1/tasks", json={"repo_url": url, "prompt": "x"})
    if answer.status_code == 201:  # a name: it is refused where it is looked up
        task = plain.wait(answer.json()["id"], "failed")
        assert task["error_class"] == "address_refused", task
        return
    assert "repo_url" in refused(answer, 400)["fields"]


@pytest.mark.parametrize("url", [url for url in LOOPBACKS if "localhost" not in url.lower()])
def test_a_callback_into_a_private_network_is_refused_at_once(plain: LemnosServer, url: str):
    body = {"repo_url": REPOSITORY, "prompt": "x", "callback_url": url}
    answer = plain.client.post("/api/v1/tasks", json=body)
    assert "callback_url" in refused(answer, 400)["fields"]


def test_a_name_that_leads_into_the_private_network_is_refused_when_it_is_looked_up(
    plain: LemnosServer, git_server: GitServer
):
    git_server.create("acme/shop", {"a.py": "x = 1\n"})
    named = git_server.repository_url("acme/shop").replace("127.0.0.1", "localhost")
    created = plain.create(repo_url=named, prompt="x", access_token="stand-in-token-4f9c")
    task = plain.wait(created["id"], "failed")
    assert task["error_class"] == "address_refused"
    assert git_server.git.requests == []


def test_redirects_into_the_private_network_are_not_followed(
    make_server: MakeServer, git_server: GitServer, webhook_sink: WebhookSink
):
    """The first host is allowed, by host and port; where it sends us to is not."""
    git_server.create("acme/shop", {"a.py": "x = 1\n"})
    allowed = urlsplit(git_server.url).netloc
    git_server.git.break_down(GitFault(redirect=webhook_sink.url))
    server = make_server(allowed_hosts=[allowed]).start()
    created = server.create(
        repo_url=git_server.repository_url("acme/shop"),
        prompt="x",
        access_token="stand-in-token-4f9c",
    )
    task = server.wait(created["id"], "failed")
    assert task["error_class"] == "address_refused", task
    assert git_server.git.requests, "the first request went out"
    assert webhook_sink.requests == []


def test_a_callback_that_redirects_is_not_followed(
    make_server: MakeServer, webhook_sink: WebhookSink
):
    with WebhookSink(redirect(webhook_sink.url)) as redirecting:
        server = make_server(allowed_hosts=[urlsplit(redirecting.url).netloc]).start()
        created = server.create(
            repo_url=str(server.data / "nothing-is-here"),
            prompt="x",
            callback_url=f"{redirecting.url}/hook",
        )
        server.wait(created["id"], "failed")
        redirecting.wait_for(1)
        listed = f"/api/v1/tasks/{created['id']}/callbacks"

        def noted() -> bool:
            callbacks = server.client.get(listed).json()["callbacks"]
            return bool(callbacks and callbacks[0]["attempts"])

        server.until(noted)
        [callback] = server.client.get(listed).json()["callbacks"]
    assert callback["state"] == "pending"
    assert callback["attempts"][0]["problem"] == "redirects are not followed"
    assert webhook_sink.requests == []
