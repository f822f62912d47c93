"""CleanupService: a preview removes nothing and says what a cleanup then removes."""

from __future__ import annotations

import grpc
import pytest

from lemnos.grpc.generated.hephaestus.v1 import cleanup_pb2 as pb
from tests.contract.hephaestus_grpc.conftest import MakeProject
from tests.contract.hephaestus_grpc.rpc import Client, details_of
from tests.support.server import LemnosServer


def test_a_preview_says_what_a_cleanup_then_removes(
    server: LemnosServer, client: Client, make_project: MakeProject
) -> None:
    rubbish = {".DS_Store": "x", "src/__pycache__/a.cpython-311.pyc": "x", "src/a.py": "A = 1\n"}
    project = make_project(rubbish)
    preview = client.cleanup.PreviewCleanup(
        pb.PreviewCleanupRequest(root=str(project), deep_clean=True), metadata=client.auth
    ).report
    assert preview.manifest.dry_run
    assert {one.path for one in preview.manifest.removed} == {".DS_Store", "src/__pycache__/"}
    assert (project / ".DS_Store").exists()

    cleaned = client.cleanup.Clean(
        pb.CleanRequest(root=str(project), deep_clean=True), metadata=client.auth
    ).report
    assert (cleaned.files_deleted, cleaned.size_freed) == (2, preview.size_freed)
    assert list(cleaned.manifest.removed) == list(preview.manifest.removed)
    assert not (project / ".DS_Store").exists()
    assert not (project / "src" / "__pycache__").exists()
    assert (project / "src" / "a.py").exists()
    shown = server.client.get(f"/api/v1/tasks/{cleaned.task_id}").json()
    assert shown["result"]["files_deleted"] == 2


@pytest.mark.parametrize("root", ["/", "/etc", "relative", "/nowhere/at/all"])
def test_what_must_not_be_cleaned_is_refused(client: Client, root: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        client.cleanup.Clean(pb.CleanRequest(root=root), metadata=client.auth)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert details_of(caught.value)["BadRequest"].field_violations[0].field == "root"
