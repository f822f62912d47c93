"""Node.js' own gRPC library calls the services, from the .proto files."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contract.hephaestus_grpc.conftest import MakeProject
from tests.contract.hephaestus_grpc.rpc import address_of
from tests.support.npm import ROOT, node_modules, require
from tests.support.server import PATIENCE, LemnosServer

PROGRAM = Path(__file__).with_name("node_client.mjs")


@pytest.fixture(autouse=True)
def packages() -> None:
    require("@grpc/grpc-js/package.json")
    require("@grpc/proto-loader/package.json")


def node(address: str, method: str, *requests: object, key: str, ca: str = "") -> list[Any]:
    """What a call was told, line by line: each has one name."""
    env = {"MODULES": str(node_modules()), "PROTOS": str(ROOT / "proto"), "KEY": key, "CA": ca}
    done = subprocess.run(
        ["node", PROGRAM, address, method],
        env=os.environ | env,
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [next(iter(json.loads(line).items())) for line in done.stdout.splitlines()]


def test_gates_are_followed(server: LemnosServer, make_project: MakeProject) -> None:
    project = make_project({"a.py": "import os\n"})
    options = {"workspace": str(project), "gates": ["lint"]}
    method = "QualityService/RunGuardRailsStream"
    told = node(address_of(server), method, {"options": options}, key=server.key)
    names = [name for name, _ in told]
    assert names == ["task_id", "answer", "answer", "answer", "answer", "status"]
    events = [value["event"] for name, value in told if name == "answer"]
    assert events == ["started", "gate_started", "gate_finished", "report"]
    report = told[-2][1]["report"]
    assert report["success"] is False
    assert report["task_id"] == told[0][1]
    assert told[-1][1]["code"] == 0


def test_records_are_sent(server: LemnosServer, make_project: MakeProject) -> None:
    target = {"workspace": str(make_project()), "source": "node"}
    coverage = [{"path": f"{n}.py", "covered_lines": 1, "total_lines": 2} for n in range(100)]
    sent = [{"target": target}, *({"coverage": each} for each in coverage), {"end": {}}]
    method = "AnalyticsService/StreamIngest"
    told = dict(node(address_of(server), method, *sent, key=server.key))
    assert told["answer"]["coverage_records"]["low"] == 100  # 64 bits are a Long
    assert told["status"]["code"] == 0


def test_the_task_is_known_before_a_unary_answer(
    server: LemnosServer, make_project: MakeProject
) -> None:
    method = "CleanupService/PreviewCleanup"
    request = {"root": str(make_project({".DS_Store": "x"}))}
    told = node(address_of(server), method, request, key=server.key)
    assert [name for name, _ in told] == ["task_id", "answer", "status"]
    report = told[1][1]["report"]
    assert report["task_id"] == told[0][1]
    assert [each["path"] for each in report["manifest"]["removed"]] == [".DS_Store"]


def test_a_wrong_key_is_told(server: LemnosServer) -> None:
    ((_, status),) = node(address_of(server), "AnalyticsService/GetRankings", {}, key="lk_nobody")
    assert status["code"] == 16  # UNAUTHENTICATED
    assert "API key" in status["details"]
