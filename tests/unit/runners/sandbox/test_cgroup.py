"""Which control groups are ours to use, for both versions, told from the files of a tree.

That they really hold a run is shown by the sandbox's conformance suite, where the machine that
runs it lets control groups be made.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lemnos.domains.agents.ports import Limits
from lemnos.runners.sandbox.cgroup import THREADS_EACH, delegated

LIMITS = Limits(memory=1000, processes=10)


def _version_2(root: Path, procs: str, controllers: str = "cpu memory pids") -> Path:
    group = root / "system.slice" / "lemnos.service"
    (group / "server").mkdir(parents=True)
    (root / "cgroup.controllers").write_text(controllers)
    (group / "cgroup.controllers").write_text(controllers)
    (group / "cgroup.procs").write_text(procs)
    return group


def _own(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "own"
    path.write_text("\n".join(lines) + "\n")
    return path


async def test_version_2_with_a_group_of_our_own(tmp_path: Path) -> None:
    root = tmp_path / "root"
    group = _version_2(root, f"{os.getpid()}\n")
    own = _own(tmp_path, "0::/system.slice/lemnos.service")

    groups = delegated(root, own)
    made = groups.make(LIMITS)

    assert groups.controllers == ("memory", "pids")
    assert (group / "server" / "cgroup.procs").read_text() == str(os.getpid())
    assert (group / "cgroup.subtree_control").read_text() == "+memory +pids"
    folder = made.folders["memory"]
    assert made.folders["pids"] == folder
    assert (folder / "memory.max").read_text() == "1250"
    assert (folder / "pids.max").read_text() == str(10 * THREADS_EACH)
    assert made.join()[-2:] == [str(folder / "cgroup.procs"), "--"]


@pytest.mark.parametrize(
    ("procs", "controllers"),
    [("1\n2\n", "memory pids"), (f"{os.getpid()}\n", "cpu")],
    ids=["shared", "lacking"],  # not the number of this process: workers must agree on names
)
def test_version_2_that_is_shared_or_lacks_controllers(
    tmp_path: Path, procs: str, controllers: str
) -> None:
    root = tmp_path / "root"
    _version_2(root, procs, controllers)

    groups = delegated(root, _own(tmp_path, "0::/system.slice/lemnos.service"))

    assert groups.controllers == ()
    assert groups.make(LIMITS).join() == []


def test_version_1(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for folder in ("pids", "memory/inner"):
        (root / folder).mkdir(parents=True)
    own = _own(tmp_path, "4:memory:/inner", "8:pids:/", "2:cpu,cpuacct:/", "0::/")

    made = delegated(root, own).make(LIMITS)

    assert (made.folders["memory"] / "memory.limit_in_bytes").read_text() == "1250"
    assert (made.folders["pids"] / "pids.max").read_text() == str(10 * THREADS_EACH)
    assert made.folders["memory"].parent == root / "memory" / "inner"


@pytest.mark.parametrize(
    ("version", "file", "text", "expected"),
    [
        (1, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", False),
        (1, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", True),
        (2, "memory.events", "oom 1\noom_kill 1\n", True),
        (2, "memory.events", "oom 0\noom_kill 0\n", False),
    ],
)
def test_a_kill_for_memory_is_seen(
    tmp_path: Path, version: int, file: str, text: str, expected: bool
) -> None:
    root = tmp_path / "root"
    if version == 2:
        _version_2(root, "")
        own = _own(tmp_path, "0::/system.slice/lemnos.service")
    else:
        (root / "memory").mkdir(parents=True)
        own = _own(tmp_path, "4:memory:/")
    made = delegated(root, own).make(LIMITS)

    assert not made.out_of_memory()
    (made.folders["memory"] / file).write_text(text)
    assert made.out_of_memory() is expected
