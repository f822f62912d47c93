"""The Python SDK's CodeForge client against a running server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lemnos_sdk import (
    AsyncCodeForge,
    AuthenticationError,
    CodeForge,
    ConflictError,
    NotFoundError,
    TaskCancelledError,
    TaskFailedError,
    ValidationError,
    WaitTimeoutError,
    webhooks,
)
from lemnos_sdk.codeforge.models import Config
from tests.e2e.scene import COUNTED, WAITS, let_go, wait_for_runs
from tests.sdk.relay import Relay
from tests.support.fixtures import TOKEN
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer
from tests.support.sink import WebhookSink

pytestmark = pytest.mark.e2e
BUILTIN: Config = {"cli": "builtin", "timeout_seconds": 120}
TALKS = "run: for i in $(seq 200); do echo line $i; done; echo done > done.txt"


@pytest.fixture(scope="module")
def client(server: LemnosServer) -> Iterator[CodeForge]:
    with CodeForge(server.key, base_url=server.url) as made:
        yield made


def test_a_task_from_prompt_to_diff(client: CodeForge, repo_url: str) -> None:
    task = client.tasks.create(
        repo_url=repo_url, prompt=COUNTED, access_token=TOKEN, config=BUILTIN
    )
    done = task.wait(timeout=60)
    assert done.status == "completed"
    assert done.changes_summary is not None
    assert done.changes_summary.files_changed == 1
    diff = task.diff()
    assert [(file.path, file.status) for file in diff.files] == [("ran.txt", "added")]
    assert "+ran" in diff.diff

    assert task.instruct(COUNTED).iteration == 2
    assert task.wait().iteration == 2
    iterations = task.get(iterations=True).iterations
    assert iterations is not None
    assert [one.status for one in iterations] == ["completed", "completed"]
    assert task.id in [one.task_id for one in client.workspaces.list().workspaces]
    assert client.workspaces.delete(task.id).task_id == task.id


def test_events_over_a_network_that_is_cut(server: LemnosServer, repo_url: str) -> None:
    with (
        Relay(server.url, cut_after=6_000) as relay,
        CodeForge(server.key, base_url=relay.url) as client,
    ):
        task = client.tasks.create(
            repo_url=repo_url, prompt=TALKS, access_token=TOKEN, config=BUILTIN
        )
        events = list(task.stream())
        assert relay.cuts > 1
        relay.cut_after = None
        again = list(task.stream())
    numbers = [int(event.id) for event in events if event.id]
    assert numbers == list(range(1, len(numbers) + 1))
    assert (events[0].type, events[-1].type) == ("connected", "done")
    assert [event.id for event in again] == [event.id for event in events]


def test_a_wait_outlives_the_server(make_server: MakeServer, repo_url: str) -> None:
    server = make_server(allowed_hosts=["127.0.0.1"]).start()
    with Relay(server.url) as relay, CodeForge(server.key, base_url=relay.url) as client:
        task = client.tasks.create(
            repo_url=repo_url, prompt=WAITS, access_token=TOKEN, config=BUILTIN
        )
        wait_for_runs(server, task.id, 1)
        events = iter(task.stream())
        assert next(events).type == "connected"
        server.kill9()
        relay.cut()
        server.start()
        relay.retarget(server.url)
        wait_for_runs(server, task.id, 2)
        let_go(server, task.id)
        assert task.wait(timeout=60).status == "completed"
        assert [event.type for event in events][-1] == "done"


def test_cancelled_failed_and_late(server: LemnosServer, client: CodeForge, repo_url: str) -> None:
    task = client.tasks.create(repo_url=repo_url, prompt=WAITS, access_token=TOKEN, config=BUILTIN)
    wait_for_runs(server, task.id, 1)
    with pytest.raises(WaitTimeoutError):
        task.wait(timeout=0.1)
    with pytest.raises(ConflictError) as busy:
        task.instruct("And then?")
    assert busy.value.request_id.startswith("req_")
    task.cancel()
    with pytest.raises(TaskCancelledError) as cancelled:
        task.wait()
    assert cancelled.value.task.id == task.id
    failing = client.tasks.create(
        repo_url=repo_url, prompt="run: exit 3", access_token=TOKEN, config=BUILTIN
    )
    with pytest.raises(TaskFailedError):
        failing.wait()
    assert client.tasks.of(failing.id).get().error


def test_pages(client: CodeForge, repo_url: str) -> None:
    made = [
        client.tasks.create(
            repo_url=repo_url, prompt=COUNTED, access_token=TOKEN, config=BUILTIN
        ).id
        for _ in range(5)
    ]
    for task_id in made:
        client.tasks.of(task_id).wait()
    listed = [task.id for task in client.tasks.list(limit=2)]
    assert set(made) <= set(listed)
    assert len(listed) == len(set(listed)) == client.tasks.list().first().total
    assert {task.status for task in client.tasks.list(status="completed", limit=3)} == {"completed"}


def test_keys_and_mcp_servers(client: CodeForge) -> None:
    client.keys.register(name="mine", provider="github", token="ghp_secret")
    assert [(key.name, key.provider) for key in client.keys.list()] == [("mine", "github")]
    with pytest.raises(ConflictError) as taken:
        client.keys.register(name="mine", provider="github", token="ghp_other")
    assert taken.value.reason == "key_exists"
    assert client.keys.delete("mine").name == "mine"
    client.mcp_servers.register(name="notes", command="notes", args=["--stdio"], env={"K": "v"})
    (server,) = client.mcp_servers.list()
    assert (server.name, list(server.args)) == ("notes", ["--stdio"])
    assert server.env["K"] != "v"
    client.mcp_servers.delete("notes")
    assert client.mcp_servers.list() == []


def test_errors_of_the_real_server(server: LemnosServer, client: CodeForge) -> None:
    with pytest.raises(ValidationError) as invalid:
        client.tasks.create(repo_url="http://127.0.0.1/x", prompt="x", config={"max_turns": 0})
    assert invalid.value.field == "config.max_turns"
    with pytest.raises(NotFoundError):
        client.tasks.get("00000000-0000-4000-8000-000000000000")
    with (
        CodeForge("lk_nobody", base_url=server.url) as stranger,
        pytest.raises(AuthenticationError) as refused,
    ):
        stranger.keys.list()
    assert refused.value.request_id
    assert client.health()["status"] == "healthy"


def test_a_real_limit_is_waited_for(make_server: MakeServer) -> None:
    """Two at once and one more each half second: the third is told to come back, and does."""
    env = {"LEMNOS_RATE_LIMITS": "on", "LEMNOS_RATE_TIERS": '{"standard": [120, 60, 2]}'}
    server = make_server(env=env).start()
    with CodeForge(server.key, base_url=server.url) as client:
        for _ in range(4):
            assert client.keys.list() == []
    assert '"status":429' in server.log


def test_callbacks_are_verified(make_server: MakeServer, repo_url: str, sink: WebhookSink) -> None:
    server = make_server(
        allowed_hosts=["127.0.0.1"], env={"LEMNOS_CALLBACK_SECRET": "whsec_c2VjcmV0c2VjcmV0"}
    ).start()
    with CodeForge(server.key, base_url=server.url) as client:
        task = client.tasks.create(
            repo_url=repo_url,
            prompt=COUNTED,
            access_token=TOKEN,
            config=BUILTIN,
            callback_url=f"{sink.url}/done",
        )
        task.wait()
        (request,) = sink.wait_for(1)
        content = webhooks.verify(request.body, request.headers, "whsec_c2VjcmV0c2VjcmV0")
        assert content["task_id"] == task.id
        signature = request.headers["x-signature-256"]
        assert webhooks.is_signed(request.body, signature, "whsec_c2VjcmV0c2VjcmV0")
        (callback,) = client.callbacks.list(task.id)
        assert callback.event == "task.completed"
        assert client.callbacks.redeliver(callback.id).state == "pending"
        sink.wait_for(2)


async def test_the_asynchronous_client(server: LemnosServer, repo_url: str) -> None:
    async with AsyncCodeForge(server.key, base_url=server.url) as client:
        task = await client.tasks.create(
            repo_url=repo_url, prompt=COUNTED, access_token=TOKEN, config=BUILTIN
        )
        events = [event async for event in task.stream()]
        assert events[-1].type == "done"
        assert (await task.wait(timeout=60)).status == "completed"
        assert (await task.diff()).additions == 1
        assert [one async for one in client.tasks.list(limit=1)]
        with pytest.raises(NotFoundError):
            await client.workspaces.delete("00000000-0000-4000-8000-000000000000")
