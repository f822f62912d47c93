"""A client that was built without the interface learns it from the server, as grpcurl does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2

from lemnos.grpc.server import REFLECTION_V1
from tests.contract.hephaestus_grpc.conftest import MakeProject
from tests.contract.hephaestus_grpc.rpc import Curl, address_of
from tests.support.server import LemnosServer


@pytest.fixture
def channel(server: LemnosServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(address_of(server)) as made:
        yield made


def test_services_are_listed_without_a_credential(channel: grpc.Channel) -> None:
    assert Curl(channel, "").services() == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        "hephaestus.v1.AnalyticsService",
        "hephaestus.v1.CleanupService",
        "hephaestus.v1.QualityService",
    ]


def test_a_run_is_followed_by_what_reflection_tells(
    server: LemnosServer, channel: grpc.Channel, make_project: MakeProject
) -> None:
    project = make_project({"a.py": "A = 1\n"})
    curl = Curl(channel, server.key)
    options = {"workspace": str(project), "gates": ["lint"]}
    told = curl("hephaestus.v1.QualityService/RunGuardRailsStream", {"options": options})
    kinds = [next(name for name in each if name != "progress") for each in told]
    assert kinds == ["started", "gate_started", "gate_finished", "report"]
    assert told[-1]["report"]["success"] is True
    assert told[2]["gate_finished"]["gate"]["metadata"]["tool"] == "ruff"


def test_records_are_streamed_by_what_reflection_tells(
    server: LemnosServer, channel: grpc.Channel, make_project: MakeProject
) -> None:
    target = {"workspace": str(make_project()), "source": "curl"}
    record = {"path": "a.py", "covered_lines": 1, "total_lines": 2}
    curl = Curl(channel, server.key)
    method = "hephaestus.v1.AnalyticsService/StreamIngest"
    (answer,) = curl(method, {"target": target}, {"coverage": record}, {"end": {}})
    assert answer == {"coverage_records": "1"}  # 64 bits are a text in JSON


def test_clients_that_know_the_newer_name_alone_are_answered(channel: grpc.Channel) -> None:
    ask = channel.stream_stream(
        f"/{REFLECTION_V1}/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = ask(iter([request]))
    names = {service.name for service in answer.list_services_response.service}
    assert "hephaestus.v1.QualityService" in names


def test_every_message_and_method_is_documented() -> None:
    """The .proto files are what users read."""
    for file in sorted((Path(__file__).parents[3] / "proto").rglob("*.proto")):
        before = ""
        for line in file.read_text().splitlines():
            text = line.strip()
            if text.startswith(("service ", "rpc ", "enum ")):
                assert before.startswith("//"), f"{file.name}: {text}"
            before = text
