"""What else may come: garbage, too much, clients that stall, a server that stops."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from lemnos.grpc.generated.hephaestus.v1 import analytics_pb2, quality_pb2
from tests.contract.hephaestus_grpc.conftest import MakeProject
from tests.contract.hephaestus_grpc.rpc import Client, address_of, details_of
from tests.contract.hephaestus_grpc.test_quality import WAITING, stream_request
from tests.support.server import PATIENCE, LemnosServer
from tests.support.server_fixtures import MakeServer

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
MIB = 1024 * 1024


def works(client: Client) -> bool:
    """Whether calls are answered as ever."""
    health = health_pb2_grpc.HealthStub(client.channel)
    request = health_pb2.HealthCheckRequest(service="hephaestus.v1.QualityService")
    return bool(health.Check(request, timeout=PATIENCE).status == SERVING)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: forge\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS hello
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 4096,
        os.urandom(64 * 1024),
    ],
    ids=["HTTP/1.1", "TLS", "frames", "noise"],
)
def test_garbage_on_the_port_closes_that_connection_alone(
    server: LemnosServer, client: Client, garbage: bytes
) -> None:
    host, _, port = address_of(server).rpartition(":")
    with socket.create_connection((host, int(port)), PATIENCE) as connection:
        try:
            connection.sendall(garbage)
            while connection.recv(4096):
                pass
        except ConnectionError:
            pass  # closed, with a reset
    assert works(client)


def test_bytes_that_are_no_message_are_refused(client: Client) -> None:
    call = client.channel.unary_unary(
        "/hephaestus.v1.QualityService/RunGuardRails",
        request_serializer=lambda data: data,
        response_deserializer=lambda data: data,
    )
    with pytest.raises(grpc.RpcError):
        call(b"\xff\xff\xff\xff", metadata=client.auth, timeout=PATIENCE)
    assert works(client)


def test_a_message_over_the_limit_is_refused(client: Client) -> None:
    options = quality_pb2.GuardRailsOptions(profile="x" * 5 * MIB)
    request = quality_pb2.RunGuardRailsRequest(options=options)
    with pytest.raises(grpc.RpcError) as caught:
        client.quality.RunGuardRails(request, metadata=client.auth)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert works(client)


def test_metadata_over_the_limit_is_refused(client: Client) -> None:
    metadata = (*client.auth, ("x-much", "x" * 100_000))
    with pytest.raises(grpc.RpcError) as caught:
        client.analytics.GetRankings(analytics_pb2.GetRankingsRequest(), metadata=metadata)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert works(client)


def test_a_method_that_does_not_exist_is_unimplemented(client: Client) -> None:
    call: Any = client.channel.unary_unary("/hephaestus.v1.QualityService/Forge")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"", metadata=client.auth)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_clients_that_never_read_their_streams_hold_up_nothing(
    server: LemnosServer, client: Client, make_project: MakeProject
) -> None:
    """Twenty runs with a large result each; all come to their end, and cost no more than that."""
    long = "n" * 200
    code = "".join(f"import {long}_{number}\n" for number in range(2000))
    request = stream_request(make_project({"a.py": code}), "lint")
    *_, last = client.quality.RunGuardRailsStream(request, metadata=client.auth)
    assert last.ByteSize() > MIB
    process = psutil.Process(server.pid)
    before = process.memory_info().rss
    with Client(address_of(server), server.key) as lazy:
        streams = [lazy.quality.RunGuardRailsStream(request, metadata=lazy.auth) for _ in range(20)]
        for task_id in [next(stream).started.task_id for stream in streams]:
            wait_for(server, task_id, "completed")
        assert process.memory_info().rss - before < 50 * MIB + 20 * 4 * last.ByteSize()
        assert works(client)


def wait_for(server: LemnosServer, task_id: str, status: str) -> None:
    def there() -> bool:
        return bool(server.client.get(f"/api/v1/tasks/{task_id}").json()["status"] == status)

    server.until(there, what=f"{task_id} is {status}")


def test_a_deadline_that_passes_ends_the_call(
    server: LemnosServer, client: Client, make_project: MakeProject
) -> None:
    project = make_project({"test_it.py": WAITING.format(marker="deadline")})
    request = stream_request(project, "tests")
    stream = client.quality.RunGuardRailsStream(request, metadata=client.auth, timeout=2)
    started = next(stream).started
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    wait_for(server, started.task_id, "cancelled")


def test_a_server_that_stops_says_so_and_leaves_runs_to_its_next_life(
    make_server: MakeServer,
) -> None:
    server = make_server(env={"LEMNOS_GRPC_PORT": "0", "LEMNOS_DRAIN": "3600"}).start()
    project = server.folder / "project"
    project.mkdir()
    (project / "test_it.py").write_text(WAITING.format(marker="stopped"))
    with Client(address_of(server), server.key) as client:
        stream = client.quality.RunGuardRailsStream(
            stream_request(project, "tests"), metadata=client.auth
        )
        task_id = next(stream).started.task_id
        server.until((project / "begun").exists, what="the test runs")

        health = health_pb2_grpc.HealthStub(client.channel).Watch(health_pb2.HealthCheckRequest())
        assert next(health).status == SERVING
        server.process.terminate()
        assert next(health).status == NOT_SERVING  # while the run goes on
        server.process.terminate()  # a second time: now
        with pytest.raises(grpc.RpcError) as caught:
            list(stream)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        server.process.wait(PATIENCE)
    (project / "go").touch()
    server.start()
    wait_for(server, task_id, "completed")


def test_without_the_setting_nothing_listens(make_server: MakeServer) -> None:
    server = make_server().start()
    assert "grpc" not in json.loads((server.data / "server.json").read_text())
    process = psutil.Process(server.pid)
    listening = [each for each in process.net_connections() if each.status == psutil.CONN_LISTEN]
    assert len(listening) == 1
    maps = Path(f"/proc/{server.pid}/maps")
    assert not maps.exists() or "grpc" not in maps.read_text()  # its library is not loaded


def test_a_port_that_is_taken_keeps_the_server_from_starting(
    server: LemnosServer, make_server: MakeServer
) -> None:
    port = address_of(server).rpartition(":")[2]
    other = make_server(env={"LEMNOS_GRPC_PORT": port}).start(wait=False)
    assert other.process.wait(PATIENCE) == 1
    assert f"gRPC cannot listen on 127.0.0.1:{port}" in other.log


def test_details_of_an_error_fit_into_metadata(client: Client) -> None:
    request = analytics_pb2.GetRankingsRequest(workspace="/" + "ü" * 100_000)
    with pytest.raises(grpc.RpcError) as caught:
        client.analytics.GetRankings(request, metadata=client.auth)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert details_of(caught.value)["BadRequest"].field_violations[0].field == "workspace"
