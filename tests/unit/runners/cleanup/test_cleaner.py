"""What goes, what stays, and what the manifest says of both."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lemnos.domains.cleanup.model import plain_cleaned
from lemnos.kernel.errors import Invalid
from lemnos.runners.cleanup.cleaner import FolderCleaner
from tests.support.cleaning import clean, git, listing, plant, removed, repository, skipped


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


def test_without_a_deep_clean_only_metadata_of_systems_goes(root: Path) -> None:
    plant(root, "pyproject.toml", "a/.DS_Store", "a/b.pyc", "build/x", ".Trashes/one", "._a")
    cleaned = clean(root, deep=False)
    metadata = {"._a", ".Trashes/", "a/.DS_Store"}
    assert removed(cleaned) == dict.fromkeys(metadata, "os_metadata")
    assert listing(root) == {"pyproject.toml", "a/", "a/b.pyc", "build/", "build/x"}


def test_a_deep_clean_removes_caches_outputs_and_node_modules(root: Path) -> None:
    plant(root, "package.json", "src/a.py", "src/__pycache__/a.pyc", "dist/deep/a.js")
    plant(root, "node_modules/a/index.js", "node_modules/.bin/x", "src/b.pyo")
    cleaned = clean(root)
    assert removed(cleaned) == {
        "dist/": "build_output",
        "node_modules/": "node_modules",
        "src/__pycache__/": "python_cache",
        "src/b.pyo": "python_cache",
    }
    assert cleaned.files_deleted == 5
    assert listing(root) == {"package.json", "src/", "src/a.py"}


def test_what_was_freed_are_the_blocks_of_files_and_folders(root: Path) -> None:
    plant(root, "node_modules/a/b.js", "node_modules/c.js")
    (root / "node_modules/sparse").touch()
    os.truncate(root / "node_modules/sparse", 1 << 30)
    paths = [root / "node_modules", *(root / "node_modules").rglob("*")]
    blocks = sum(path.lstat().st_blocks for path in paths)
    assert clean(root).size_freed == blocks * 512


def test_hard_links_free_their_content_once_with_the_last_of_them(root: Path) -> None:
    (root / "node_modules").mkdir()
    (root / "node_modules/one").write_bytes(b"x" * 1_000_000)
    for number in range(5):
        os.link(root / "node_modules/one", root / f"node_modules/link{number}")
    (root / "outside").write_bytes(b"x" * 1_000_000)
    os.link(root / "outside", root / "node_modules/kept-elsewhere")
    size = (root / "outside").stat().st_blocks * 512
    folder = (root / "node_modules").stat().st_blocks * 512
    assert clean(root, dry=True).size_freed == size + folder
    assert clean(root).size_freed == size + folder


def test_tracked_files_in_a_folder_called_build_stay_with_their_folders(root: Path) -> None:
    repository(root, "pyproject.toml", "build/keep/a.sh", "build/b.sh", "x/.DS_Store")
    plant(root, "build/keep/out.o", "build/gone/deep/c.o", "build/d.o")
    cleaned = clean(root)
    assert removed(cleaned) == dict.fromkeys(
        ["build/d.o", "build/gone/", "build/keep/out.o"], "build_output"
    )
    assert skipped(cleaned) == {"build/": "tracked", "x/.DS_Store": "tracked"}
    assert git(root, "status", "--porcelain") == ""


def test_a_package_that_is_called_build_is_source(root: Path) -> None:
    plant(root, "pyproject.toml", "build/__init__.py", "build/a.py", "build/a.pyc")
    assert removed(clean(root)) == {"build/a.pyc": "python_cache"}


def test_repositories_inside_are_kept_whole(root: Path, tmp_path: Path) -> None:
    repository(root, "package.json")
    repository(root / "node_modules/forked", "index.js", "node_modules/x/y.js")
    plant(root, "node_modules/forked/.DS_Store", "node_modules/other/a.js")
    repository(root / "tools/vendored", ".DS_Store")
    git(root, "worktree", "add", "--quiet", "build/tree")
    git(tmp_path, "clone", "--quiet", "--bare", str(root), str(root / "node_modules/bare"))
    cleaned = clean(root)
    assert removed(cleaned) == {"node_modules/other/": "node_modules"}
    assert skipped(cleaned) == {
        "build/tree/": "repository",
        "node_modules/bare/": "repository",
        "node_modules/forked/": "repository",
        "tools/vendored/": "repository",
    }
    assert (root / "node_modules/forked/node_modules/x/y.js").exists()


def test_submodules_are_kept_whole_also_before_they_are_checked_out(
    root: Path, tmp_path: Path
) -> None:
    other = repository(tmp_path / "other", "a", ".DS_Store")
    repository(root, "package.json")
    git(root, "submodule", "--quiet", "add", str(other), "node_modules/sub")
    git(root, "commit", "--quiet", "--message", "sub")
    git(tmp_path, "clone", "--quiet", str(root), "bare-checkout")
    for place in (root, tmp_path / "bare-checkout"):
        cleaned = clean(place)
        assert skipped(cleaned)["node_modules/sub/"] == "repository"
        assert (place / "node_modules/sub").is_dir()
        assert git(place, "status", "--porcelain") == ""
    assert (root / "node_modules/sub/.DS_Store").exists()


def test_inside_of_a_linked_work_tree_its_own_index_counts(root: Path, tmp_path: Path) -> None:
    repository(root, "pyproject.toml")
    git(root, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    linked = plant(tmp_path / "linked", "build/a", "build/b")
    git(linked, "add", "--force", "build/a")
    assert removed(clean(linked)) == {"build/b": "build_output"}


def test_virtual_environments_are_left_alone(root: Path) -> None:
    plant(root, ".venv/pyvenv.cfg", ".venv/lib/site-packages/a/__pycache__/a.pyc")
    plant(root, ".tox/log/x", ".tox/py311/pyvenv.cfg", ".tox/py311/x.pyc")
    plant(root, "lib/python3/site-packages/b.pyc")
    cleaned = clean(root)
    assert removed(cleaned) == {".tox/log/": "python_cache"}
    assert skipped(cleaned) == dict.fromkeys(
        [".tox/py311/", ".venv/", "lib/python3/site-packages/"], "site_packages"
    )


def test_links_are_never_followed(root: Path, tmp_path: Path) -> None:
    outside = plant(tmp_path / "outside", "a.pyc", ".DS_Store", "deep/b")
    plant(root, "package.json", "node_modules/a.js")
    (root / "src").symlink_to(outside)
    (root / "dist").symlink_to(outside)
    (root / ".DS_Store").symlink_to(outside / "a.pyc")
    (root / "node_modules/linked").symlink_to(outside)
    before = listing(outside)
    cleaned = clean(root)
    assert removed(cleaned) == {"node_modules/": "node_modules"}
    assert cleaned.files_deleted == 2  # the link itself is one
    assert skipped(cleaned) == {".DS_Store": "symlink", "dist": "symlink"}
    assert listing(outside) == before


def test_protected_folders_are_never_entered(root: Path) -> None:
    plant(root, "node_modules/data/a", "data/.DS_Store", "node_modules/b")
    for place in ("node_modules/data", "data"):
        cleaned = clean(root, cleaner=FolderCleaner([root / place]), dry=True)
        assert skipped(cleaned) == {place + "/": "protected"}
        assert not any(path.startswith(place) for path in removed(cleaned))


def test_the_home_directory_is_not_entered_from_above(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(root, "node_modules/me/a", ".DS_Store")
    monkeypatch.setenv("HOME", str(root / "node_modules/me"))
    assert skipped(clean(root)) == {"node_modules/me/": "protected"}


def test_names_that_are_no_text_are_shown(root: Path) -> None:
    plant(root, "caf\udce9/.DS_Store", "näme/._x")
    cleaned = plain_cleaned(clean(root))
    paths = [one["path"] for one in cleaned["manifest"]["removed"]]
    assert paths == ["caf\\xe9/.DS_Store", "näme/._x"]


@pytest.mark.parametrize("path", ["/", "/usr/lib", "/etc", "/tmp", "/home/somebody", "/proc/self"])
def test_folders_of_the_system_are_refused(path: str) -> None:
    with pytest.raises(Invalid) as caught:
        clean(Path(path))
    assert caught.value.code == "path_not_allowed"
    assert "root" in caught.value.fields


def test_the_home_directory_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(root))
    link = root.parent / "link"
    link.symlink_to(root)
    for path in (root, link):
        with pytest.raises(Invalid, match="home directory"):
            clean(path)


def test_git_directories_installed_packages_and_files_are_refused(root: Path) -> None:
    repository(root, "a")
    git(root, "clone", "--quiet", "--bare", ".", "bare.git")
    plant(root, ".venv/lib/site-packages/x/a")
    for path in (".git", ".git/hooks", "bare.git", ".venv/lib/site-packages/x", "a", "none"):
        with pytest.raises(Invalid):
            clean(root / path)


def test_other_version_controls_are_refused(root: Path) -> None:
    plant(root, ".hg/", "sub/build/a")
    with pytest.raises(Invalid, match="not git"):
        clean(root / "sub")
