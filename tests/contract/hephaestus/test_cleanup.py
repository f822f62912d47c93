"""`POST /api/v1/cleanup` with folders that it must not be sent to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.hephaestus.site import Site

CLEANUP = "/api/v1/cleanup"


@pytest.fixture
def rubbish(site: Site, tmp_path: Path) -> Iterator[Path]:
    """A file outside of the allowed roots, and a link to its folder inside of them."""
    (tmp_path / "outside").mkdir()
    made = tmp_path / "outside" / ".DS_Store"
    made.touch()
    link = site.project / "way-out"
    link.symlink_to(made.parent)
    yield made
    link.unlink()


@pytest.mark.parametrize(
    "path", ["/", "/etc", "{home}", "{outside}", "{link}", "{link}/..", "here"]
)
def test_folders_outside_are_refused_and_not_touched(site: Site, rubbish: Path, path: str) -> None:
    link = site.project / "way-out"
    root = path.format(home=Path.home(), outside=rubbish.parent, link=link)
    answer = site.client.post(CLEANUP, json={"root": root})
    assert answer.status_code == 400
    assert answer.json()["code"] == "path_not_allowed"
    assert set(answer.json()["fields"]) == {"root"}
    assert rubbish.exists()


def test_a_link_in_the_project_is_not_followed(site: Site, rubbish: Path) -> None:
    answer = site.client.post(CLEANUP, json={"root": str(site.project), "deep_clean": True})
    assert answer.status_code == 200
    assert rubbish.exists()


def test_a_folder_and_a_task_exclude_each_other(site: Site) -> None:
    body = {"root": str(site.project), "task_id": "0" * 8}
    answer = site.client.post(CLEANUP, json=body)
    assert answer.status_code == 400
    assert "root" in answer.json()["fields"]


def test_a_broken_index_is_told_and_nothing_removed(site: Site) -> None:
    index = site.project / ".git" / "index"
    content = index.read_bytes()
    (site.project / ".DS_Store").touch()
    index.write_bytes(b"broken")
    try:
        answer = site.client.post(CLEANUP, json={"root": str(site.project)})
        assert answer.status_code == 422
        assert answer.json()["code"] == "repository_unreadable"
        assert (site.project / ".DS_Store").exists()
    finally:
        index.write_bytes(content)
        (site.project / ".DS_Store").unlink(missing_ok=True)
