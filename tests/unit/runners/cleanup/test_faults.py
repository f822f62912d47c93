"""Others at work in the folder, file systems that refuse, and trees of unreasonable size."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lemnos.runners.cleanup import sweep
from lemnos.runners.cleanup.cleaner import FolderCleaner
from lemnos.runners.cleanup.hands import Removing
from tests.support.cleaning import clean, errors, git, listing, plant, removed, repository, skipped

_SCRIPT = """
import json, sys
from pathlib import Path
from lemnos.domains.cleanup.model import plain_cleaned
from lemnos.runners.cleanup.cleaner import FolderCleaner
dry = sys.argv[2] == "dry"
made = FolderCleaner().clean_now(Path(sys.argv[1]), deep_clean=True, dry_run=dry)
print(json.dumps(plain_cleaned(made)["manifest"]))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


def _mounting(mounts: str, root: Path, how: str) -> dict[str, Any]:
    """Clean in a mount namespace of its own, after the shell commands in ``mounts``."""
    command = shlex.join((sys.executable, "-c", _SCRIPT, str(root), how))
    script = f"{mounts} && exec {command}"
    argv = ("unshare", "--mount", "--map-root-user", "sh", "-c", script)
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    if "Operation not permitted" in ended.stderr:
        pytest.skip("SKIPPED LOUDLY: this machine lets nobody mount (unshare --mount)")
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def test_mount_points_are_not_entered(root: Path, tmp_path: Path) -> None:
    outside = plant(tmp_path / "outside", "a", "b.pyc")
    plant(root, "node_modules/bound/", "node_modules/memory/", "node_modules/file", "sub/")
    mounts = " && ".join(
        (
            f"mount --bind {outside} {root}/node_modules/bound",
            f"mount --bind {outside}/a {root}/node_modules/file",
            f"mount --bind {outside} {root}/sub",
            f"mount -t tmpfs none {root}/node_modules/memory",
            f"touch {root}/node_modules/memory/.DS_Store",
        )
    )
    dry, real = (_mounting(mounts, root, how) for how in ("dry", "real"))
    assert {one["path"]: one["reason"] for one in real["skipped"]} == dict.fromkeys(
        ["node_modules/bound/", "node_modules/file", "node_modules/memory/", "sub/"],
        "other_file_system",
    )
    assert real["errors"] == []
    assert {**dry, "dry_run": False} == real
    assert listing(outside) == {"a", "b.pyc"}


def test_a_read_only_file_system_is_told_of_by_both_runs(root: Path) -> None:
    plant(root, "package.json", "dist/a", ".DS_Store")
    before = listing(root)
    mounts = f"mount --bind {root} {root} && mount -o remount,bind,ro {root}"
    dry, real = (_mounting(mounts, root, how) for how in ("dry", "real"))
    assert {**dry, "dry_run": False} == real
    assert real["removed"] == []
    assert real["errors"] == [
        {"path": path, "error": "Read-only file system"} for path in (".DS_Store", "dist/a")
    ]
    assert listing(root) == before


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A folder of an ordinary user, as whom the test runs."""
    folder = Path(tempfile.mkdtemp(prefix="lemnos-nobody-"))
    if os.geteuid() != 0:
        yield folder
    else:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(0)
    shutil.rmtree(folder)


def test_refusals_are_errors_and_the_rest_goes_on(nobodys: Path) -> None:
    plant(nobodys, "closed/x", "open/.DS_Store", "node_modules/read-only/a", "node_modules/b")
    (nobodys / "closed").chmod(0)
    (nobodys / "node_modules/read-only").chmod(0o500)
    dry, real = clean(nobodys, dry=True), clean(nobodys)
    (nobodys / "closed").chmod(0o700)
    (nobodys / "node_modules/read-only").chmod(0o700)
    assert (
        errors(dry)
        == errors(real)
        == {
            "closed/": "Permission denied",
            "node_modules/read-only/a": "Permission denied",
        }
    )
    assert dry.removed == real.removed
    assert set(removed(real)) == {"node_modules/b", "open/.DS_Store"}


class _Meddling(Removing):
    """Does something behind the sweep's back, once, before a file of some name is removed."""

    def __init__(self, at: str, meddle) -> None:
        self._at, self._meddle = at, meddle

    def unlink(self, folder, name, found) -> int:
        if name == self._at:
            self._at = ""
            self._meddle()
        return super().unlink(folder, name, found)


@pytest.fixture
def meddle(monkeypatch: pytest.MonkeyPatch):
    def at(name: str, what) -> None:
        hands = _Meddling(name, what)
        monkeypatch.setattr("lemnos.runners.cleanup.cleaner.Removing", lambda: hands)

    return at


def test_a_folder_swapped_for_a_link_leads_nowhere(root: Path, tmp_path: Path, meddle) -> None:
    outside = plant(tmp_path / "outside", "a", "sub/b.pyc")
    plant(root, "node_modules/a.js", "node_modules/z/b.js", "src/sub/x.pyc")

    def swap() -> None:
        shutil.rmtree(root / "node_modules/z")
        (root / "node_modules/z").symlink_to(outside)
        (root / "src").rename(root / "moved")
        (root / "src").symlink_to(outside)

    meddle("a.js", swap)
    cleaned = clean(root)
    assert listing(outside) == {"a", "sub/", "sub/b.pyc"}
    assert "node_modules/" in removed(cleaned)  # with the link in it, which is no way to anywhere
    assert (root / "moved/sub/x.pyc").exists()
    assert cleaned.errors == ()


def test_what_appears_in_a_folder_that_goes_is_judged_too(root: Path, meddle) -> None:
    plant(root, "node_modules/a.js", "node_modules/b.js")
    meddle("b.js", lambda: plant(root, "node_modules/a.js", "node_modules/new/c.js"))
    cleaned = clean(root)
    assert removed(cleaned) == {"node_modules/": "node_modules"}
    assert cleaned.files_deleted == 4


def test_a_repository_that_appears_is_kept(root: Path, meddle) -> None:
    plant(root, "node_modules/b.js")
    meddle("b.js", lambda: repository(root / "node_modules/new", "c.js"))
    cleaned = clean(root)
    assert skipped(cleaned) == {"node_modules/new/": "repository"}
    assert (root / "node_modules/new/c.js").exists()


def test_what_is_added_to_git_meanwhile_stays(root: Path, meddle) -> None:
    repository(root, "package.json")
    plant(root, "dist/a.js", "dist/sub/b.js", "node_modules/a.js")
    meddle("a.js", lambda: git(root, "add", "--force", "dist/sub/b.js"))
    cleaned = clean(root)
    assert skipped(cleaned) == {"dist/": "tracked"}
    assert set(removed(cleaned)) == {"dist/a.js", "node_modules/"}
    assert (root / "dist/sub/b.js").exists()


def test_an_index_that_breaks_meanwhile_ends_the_cleanup(root: Path, meddle) -> None:
    repository(root, "package.json")
    plant(root, "dist/a.js", "dist/sub/b.js", "node_modules/a.js")
    meddle("a.js", lambda: (root / ".git/index").write_bytes(b"DIRC"))
    cleaned = clean(root)
    assert set(removed(cleaned)) == {"dist/a.js"}
    assert "cannot be told" in errors(cleaned)["."]
    assert (root / "node_modules/a.js").exists()


def test_what_others_remove_is_no_error(root: Path, meddle) -> None:
    plant(root, "node_modules/a.js", "node_modules/b/c.js", "node_modules/d.js")

    def gone() -> None:
        shutil.rmtree(root / "node_modules")

    meddle("a.js", gone)
    cleaned = clean(root)
    assert not cleaned.errors
    assert not cleaned.skipped
    assert not (root / "node_modules").exists()


def test_a_folder_that_is_filled_for_ever_is_left_in_the_end(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(root, "node_modules/a.js")

    class Filling(Removing):
        def rmdir(self, parent, folder) -> int:
            plant(root, "node_modules/again.js")
            return super().rmdir(parent, folder)

    monkeypatch.setattr("lemnos.runners.cleanup.cleaner.Removing", Filling)
    cleaned = clean(root)
    assert skipped(cleaned) == {"node_modules/": "changed"}
    assert cleaned.errors == ()


def test_a_folder_moved_away_below_closed_ones_is_given_up(
    root: Path, tmp_path: Path, meddle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "_OPEN", 2)
    plant(root, "node_modules/1/2/3/4/5/a.js", "node_modules/1/2/y.js", "node_modules/z/b.js")
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere/5"
    meddle("a.js", lambda: (root / "node_modules/1/2/3").rename(target))
    cleaned = clean(root)
    assert skipped(cleaned) == {"node_modules/": "changed"}
    assert (tmp_path / "elsewhere/5/4/5").exists() is False
    assert (root / "node_modules/1/2/y.js").exists() is False


def test_a_churned_folder_is_cleaned_and_nothing_outside_touched(
    root: Path, tmp_path: Path
) -> None:
    """A thread adds, removes, and swaps folders for links while the same tree is cleaned."""
    outside = plant(tmp_path / "outside", *(f"{n}.pyc" for n in range(20)), "sub/.DS_Store")
    repository(root, "package.json", "dist/tracked.js")
    before, ended = listing(outside), threading.Event()

    def churn() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            place = root / f"node_modules/p{number % 7}"
            try:
                plant(root, f"dist/{number}.js", "node_modules/")
                plant(tmp_path / f"new{number}", f"deep/{number}.js").rename(place)
                place.rename(root / f"node_modules/q{number}")
                place.symlink_to(outside)
                place.unlink()
            except OSError:
                continue

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        runs = [clean(root) for _ in range(30)]
    finally:
        ended.set()
        thread.join()
    clean(root)
    assert sum(run.files_deleted for run in runs) > 0
    assert all(run.errors == () for run in runs)
    assert listing(outside) == before
    assert listing(root) == {"package.json", "dist/", "dist/tracked.js"}


def test_trees_may_be_deeper_than_the_longest_path(root: Path) -> None:
    (root / "node_modules").mkdir()
    depth, name = 1500, "folder" * 30
    at = os.open(root / "node_modules", os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=at)
        inner = os.open(name, os.O_DIRECTORY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(os.open(".DS_Store", os.O_CREAT, dir_fd=at))
    os.close(at)
    dry, real = clean(root, dry=True), clean(root)
    assert dry.removed == real.removed
    assert (real.files_deleted, real.errors) == (1, ())
    assert not (root / "node_modules").exists()


async def test_a_cancelled_cleanup_stops_within_a_moment(root: Path, meddle) -> None:
    plant(root, *(f"node_modules/{number:03}.js" for number in range(200)))
    reached, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def wait() -> None:
        loop.call_soon_threadsafe(reached.set)
        go_on.wait(30)

    meddle("100.js", wait)
    working = asyncio.create_task(FolderCleaner().clean(root, deep_clean=True))
    await reached.wait()
    working.cancel()
    await asyncio.sleep(0)  # the cancel reaches the cleaner
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await working
    left = {f"node_modules/{number}.js" for number in range(101, 200)}
    assert listing(root) == {"node_modules/", *left}


async def test_progress_is_told_from_the_thread(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lemnos.runners.cleanup.pace._EVERY", 0.0)
    plant(root, *(f"node_modules/{n}/{m}.js" for n in range(30) for m in range(10)))
    told: list[tuple[float, int]] = []
    cleaner = FolderCleaner()
    await cleaner.clean(root, deep_clean=True, on_progress=lambda *now: told.append(now))
    assert told == sorted(told)
    assert 0.5 < told[-1][0] <= 1
    assert told[-1][1] == 300


@pytest.mark.slow
def test_a_hundred_thousand_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # In memory they are made in a second, not in a minute; but that is a folder of the system.
    monkeypatch.setattr("lemnos.runners.cleanup.root.demand_ordinary", lambda *_, **__: None)
    base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else root.parent
    with tempfile.TemporaryDirectory(dir=base) as made:
        project = Path(made) / "project"
        for folder in range(1000):
            inner = project / f"node_modules/p{folder // 10}/l{folder % 10}"
            inner.mkdir(parents=True)
            for number in range(100):
                (inner / f"{number}.js").touch()
        dry, real = clean(project, dry=True), clean(project)
        assert real.files_deleted == 100_000
        assert dry.removed == real.removed
        assert len(real.removed) == 1
        assert list(project.iterdir()) == []
